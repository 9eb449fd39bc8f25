package authn_test

import (
	"crypto"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// newOracleVerifier accepts one algorithm with the key that signs in tests.
func newOracleVerifier(t testing.TB, algorithm string) *authn.JWT {
	return newJWT(t, func(s *authn.JWTSettings) {
		s.Algorithms = []string{algorithm}
		if key, ok := signingKey(algorithm).(crypto.Signer); ok {
			s.Keys = publicKeys(t, signers(key))
		}
	})
}

// TestOtherLibrariesSign has other implementations make tokens of every
// algorithm; they must verify here with the same claims, and not once a byte
// of the signature differs.
func TestOtherLibrariesSign(t *testing.T) {
	makers := map[string]func(algorithm string) string{
		"go-jose": func(algorithm string) string {
			options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k1")
			signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: signingKey(algorithm)}, options))
			return must(must(signer.Sign([]byte(claims))).CompactSerialize())
		},
		"golang-jwt": func(algorithm string) string {
			token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), jwt.MapClaims{"exp": now + 300, "sub": "ann"})
			return must(token.SignedString(signingKey(algorithm)))
		},
	}
	want := must(policy.ParseObject([]byte(claims)))
	for _, algorithm := range keys.AlgorithmNames() {
		verifier := newOracleVerifier(t, algorithm)
		for maker, makeToken := range makers {
			token := makeToken(algorithm)
			v, reason := verify(t, verifier, token)
			if reason != policy.ReasonNone {
				t.Errorf("%s of %s: %v", algorithm, maker, reason)
				continue
			}
			if diff := cmp.Diff(want, v.Claims); diff != "" {
				t.Errorf("%s of %s: %s", algorithm, maker, diff)
			}
			dot := strings.LastIndexByte(token, '.') + 1
			changed := token[:dot] + string(token[dot]^1) + token[dot+1:]
			if _, reason := verify(t, verifier, changed); reason != policy.BadSignature && reason != policy.MalformedCredential {
				t.Errorf("%s of %s with another signature: %v", algorithm, maker, reason)
			}
		}
	}
}

// FuzzJWT checks that this package is never more lenient than golang-jwt: what
// verifies here verifies there, with the same key and the same claims. The
// token comes as the fuzzer writes it, and made of its header and claims with
// a signature that is right.
func FuzzJWT(f *testing.F) {
	for _, forgery := range forgeries(f) {
		if len(forgery.token) < 1<<10 {
			f.Add(`{"alg":"HS256"}`, claims, forgery.token)
		}
	}
	f.Add(`{"alg":"HS256","typ":"JWT","kid":"k1"}`, `{"exp":1e7,"iat":1000030,"nbf":999999.5,"aud":["a"]}`, hs256(f, claims))
	f.Add(`{"alg":"HS256","crit":["b64"],"b64":false}`, `{"exp":9007199254740992,"sub":{"\u0061":1}}`, "..")
	f.Add(`{"alg":"none"}`, `{"exp":1000300,"SUB":1,"sub":2}`, "e30.e30.")
	verifier := newJWT(f, nil)
	oracle := jwt.NewParser(
		jwt.WithValidMethods([]string{"HS256"}),
		jwt.WithJSONNumber(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return at }),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(31*time.Second), // it cuts fractions of seconds off
	)
	f.Fuzz(func(t *testing.T, header, claims, raw string) {
		made := sign(t, "HS256", []byte(secret), encode(header)+"."+encode(claims))
		for _, token := range []string{raw, made} {
			v, _, err := verifier.Verify(t.Context(), authn.Credential{Value: token}, at)
			if err != nil {
				continue
			}
			parsed, err := oracle.Parse(token, func(*jwt.Token) (any, error) { return []byte(secret), nil })
			if err != nil {
				t.Fatalf("%s verifies here, golang-jwt says %v", token, err)
			}
			// Not go-cmp, which takes exponential time for nested lists.
			if want := map[string]any(parsed.Claims.(jwt.MapClaims)); !reflect.DeepEqual(want, v.Claims) {
				t.Errorf("%s: claims %v, golang-jwt's %v", token, v.Claims, want)
			}
		}
	})
}
