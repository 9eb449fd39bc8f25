package keys_test

import (
	"crypto"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"postern/keys"
)

// A well-formed set means the same to keyfunc, the usual companion of
// golang-jwt: what verifies with the one verifies with the other.
func TestParseJWKSAgreesWithKeyfunc(t *testing.T) {
	signers := map[string]crypto.Signer{"RS256": rsa2048(), "PS384": rsa2048(), "ES256": p256(), "EdDSA": edwards()}
	var list []string
	for alg, signer := range signers {
		list = append(list, publicJWK(alg, alg, signer))
	}
	set := jwkSet(list...)
	oracle, err := keyfunc.NewJWKSetJSON(json.RawMessage(set))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]*keys.Key{}
	for _, key := range parse(t, set) {
		own[key.ID] = key
	}
	for alg, signer := range signers {
		token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})
		token.Header["kid"] = alg
		text, err := token.SignedString(signer)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jwt.Parse(text, oracle.Keyfunc, jwt.WithValidMethods([]string{alg}))
		if err != nil {
			t.Errorf("%s: keyfunc refuses the token: %v", alg, err)
			continue
		}
		input := text[:strings.LastIndexByte(text, '.')]
		if err := own[alg].Verify(alg, input, parsed.Signature); err != nil {
			t.Errorf("%s: keyfunc verifies what this refuses: %v", alg, err)
		}
		parsed.Signature[0] ^= 1
		if own[alg].Verify(alg, input, parsed.Signature) == nil {
			t.Errorf("%s: a changed signature verifies", alg)
		}
	}
}
