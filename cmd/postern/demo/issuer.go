package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// issuer is an identity provider: two keys, made at start, that it publishes.
type issuer struct {
	rsa  *rsa.PrivateKey
	ec   *ecdsa.PrivateKey
	jwks []byte
}

// The kids of the keys.
const (
	rsaKey = "demo-rsa"
	ecKey  = "demo-ec"
)

func newIssuer() (*issuer, error) {
	rsaPrivate, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecPrivate, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var set jwkset.JWKSMarshal
	for _, public := range []struct {
		key       any
		id        string
		algorithm jwkset.ALG
	}{
		{rsaPrivate.Public(), rsaKey, jwkset.AlgRS256},
		{ecPrivate.Public(), ecKey, jwkset.AlgES256},
	} {
		jwk, err := jwkset.NewJWKFromKey(public.key, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{ALG: public.algorithm, KID: public.id, USE: jwkset.UseSig},
		})
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	jwks, err := json.Marshal(set)
	return &issuer{rsaPrivate, ecPrivate, jwks}, err
}

// serveKeys answers with the public keys.
func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(i.jwks) // the client may be gone
}

// claims are the payload of a token.
type claims map[string]any

// with returns the claims with one set; nil leaves it out.
func (c claims) with(name string, value any) claims {
	changed := maps.Clone(c)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

// sign makes a token. The kid is left out where it is empty.
func sign(method jwt.SigningMethod, kid string, key any, c claims) string {
	token := jwt.NewWithClaims(method, jwt.MapClaims(c))
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		panic(err) // method and key are chosen together, in this package
	}
	return text
}
