package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What every token says, and every verifier of the bench checks.
const (
	issuer   = "https://idp.example.com/"
	audience = "chat"

	staticToken = "bench-static-token-of-project-acme"
	hmacSecret  = "bench-secret-that-is-thirty-two-bytes-long"
)

// algorithms by the name of the path segment that asks for them.
var algorithms = []string{"hs256", "rs256", "es256"}

// signers sign tokens; their public halves stand in a folder of files.
type signers map[string]struct {
	method jwt.SigningMethod
	key    any
}

// newSigners makes keys and writes hs256.key, rs256.pem and es256.pem.
func newSigners(folder string) (signers, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "hs256.key"), []byte(hmacSecret), 0o600); err != nil {
		return nil, err
	}
	for name, key := range map[string]crypto.Signer{"rs256.pem": rsaKey, "es256.pem": ecKey} {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
			return nil, err
		}
	}
	return signers{
		"hs256": {jwt.SigningMethodHS256, []byte(hmacSecret)},
		"rs256": {jwt.SigningMethodRS256, rsaKey},
		"es256": {jwt.SigningMethodES256, ecKey},
	}, nil
}

// customer is the id of the nth customer.
func customer(n int) string { return fmt.Sprintf("customer-%06d", n) }

// token returns a token of the nth customer, of the size that identity providers
// make them: some 700 bytes with RS256. Further claims may be added.
func (s signers) token(algorithm string, n int, further ...jwt.MapClaims) (string, error) {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": issuer, "aud": []string{audience, "data"}, "sub": customer(n), "email": customer(n) + "@example.com",
		"iat": now.Unix(), "exp": now.Add(12 * time.Hour).Unix(), "jti": fmt.Sprintf("0d1f7f5e-7f2c-4b1e-9f57-%012d", n),
		"scope": "chat.read chat.write profile",
	}
	for _, more := range further {
		maps.Copy(claims, more)
	}
	t := jwt.NewWithClaims(s[algorithm].method, claims)
	t.Header["kid"] = "bench"
	return t.SignedString(s[algorithm].key)
}
