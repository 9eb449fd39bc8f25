package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"postern/keys"
	"postern/policy"
)

// Keys that cost time to make are made once.
var (
	rsa1024 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
	rsa2048 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256    = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })
	edwards = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(curve, rand.Reader))
}

// publicJWK renders a public key with another implementation than ours.
func publicJWK(kid, alg string, key crypto.Signer) string {
	return string(must(json.Marshal(jose.JSONWebKey{KeyID: kid, Algorithm: alg, Key: key.Public()})))
}

func jwkSet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// with adds members to a JSON object.
func with(object, members string) string {
	return strings.TrimSuffix(object, "}") + "," + members + "}"
}

func certificate(key crypto.Signer) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Unix(1, 0)}
	return must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
}

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func sign(t testing.TB, alg string, key any) (signingInput string, signature []byte) {
	t.Helper()
	signingInput = "e30.e30"
	signature, err := jwt.GetSigningMethod(alg).Sign(signingInput, key)
	if err != nil {
		t.Fatal(err)
	}
	return signingInput, signature
}

func parse(t testing.TB, document string) []*keys.Key {
	t.Helper()
	set, err := keys.ParseJWKS([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// load returns the set that settings stand for, without problems.
func load(t testing.TB, s keys.Settings) *keys.Static {
	t.Helper()
	var problems policy.Problems
	set := s.Load(nil, keys.Loader{}, true, &problems)
	if set == nil || problems.List != nil {
		t.Fatalf("Load = %v, problems %v", set, problems.List)
	}
	return set
}

func secret(id, value string) keys.SecretSettings {
	return keys.SecretSettings{ID: id, Value: keys.Value{Literal: policy.Secret(value)}}
}

func ids(list []*keys.Key) []string {
	var ids []string
	for _, k := range list {
		ids = append(ids, k.ID)
	}
	return ids
}
