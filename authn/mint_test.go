package authn_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// The moment at which tests verify: second 1,000,000 of Unix time, so that the
// times in tokens are easy to read.
const now = 1_000_000

var at = time.Unix(now, 0)

// secret is long enough for HS512.
const secret = "a shared secret that is long enough for HS512, the longest of all"

// Keys that cost time to make are made once.
var (
	rsaKey     = sync.OnceValue(newRSA)
	otherRSA   = sync.OnceValue(newRSA)
	p256       = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384       = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521       = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	ed25519Key = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) })
)

func newRSA() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signingKey returns the key of tests that signs with an algorithm.
func signingKey(algorithm string) any {
	switch algorithm {
	case "ES256":
		return p256()
	case "ES384":
		return p384()
	case "ES512":
		return p521()
	case "EdDSA":
		return ed25519Key()
	case "HS256", "HS384", "HS512":
		return []byte(secret)
	default:
		return rsaKey()
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// sign appends a signature to the first two parts of a token.
func sign(t testing.TB, algorithm string, key any, input string) string {
	t.Helper()
	signature, err := jwt.GetSigningMethod(algorithm).Sign(input, key)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(signature))
}

// mint makes a token of the JSON texts of its header and claims.
func mint(t testing.TB, algorithm, header, claims string) string {
	t.Helper()
	return sign(t, algorithm, signingKey(algorithm), encode(header)+"."+encode(claims))
}

// hs256 makes the plainest token.
func hs256(t testing.TB, claims string) string {
	t.Helper()
	return mint(t, "HS256", `{"alg":"HS256"}`, claims)
}

// sharedSecret configures a secret as the only one, under the id k1.
func sharedSecret() keys.Settings {
	var s keys.Settings
	s.SetDefaults()
	s.Secrets = []keys.SecretSettings{{ID: "k1", Value: keys.Value{Literal: secret}}}
	return s
}

// signers gives one key the id k1.
func signers(key crypto.Signer) map[string]crypto.Signer { return map[string]crypto.Signer{"k1": key} }

// publicKeys configures public keys by id.
func publicKeys(t testing.TB, byID map[string]crypto.Signer) keys.Settings {
	t.Helper()
	var s keys.Settings
	s.SetDefaults()
	dir := t.TempDir()
	for id, key := range byID {
		der := must(x509.MarshalPKIXPublicKey(key.Public()))
		path := filepath.Join(dir, id+".pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		s.PublicKeys = append(s.PublicKeys, keys.PublicKeySettings{ID: id, File: path})
	}
	return s
}

// jwtSettings are without faults: HS256 with the shared secret, changed by edit.
func jwtSettings(t testing.TB, edit func(s *authn.JWTSettings)) *authn.JWTSettings {
	t.Helper()
	s := new(authn.JWTSettings)
	s.SetDefaults()
	s.Keys, s.Algorithms = sharedSecret(), []string{"HS256"}
	if edit != nil {
		edit(s)
	}
	var problems policy.Problems
	if s.Check(nil, &problems); problems.List != nil {
		t.Fatalf("settings at fault: %v", problems.List)
	}
	return s
}

func loadKeys(t testing.TB, s keys.Settings) *keys.Static {
	t.Helper()
	var problems policy.Problems
	set := s.Load(nil, keys.Loader{}, false, &problems)
	if problems.List != nil {
		t.Fatalf("keys at fault: %v", problems.List)
	}
	return set
}

// tokenBytes is the longest token that tests accept.
const tokenBytes = 16 << 10

// newJWT makes the authenticator web of settings as jwtSettings returns them,
// with a cache of its own.
func newJWT(t testing.TB, edit func(s *authn.JWTSettings)) *authn.JWT {
	t.Helper()
	s := jwtSettings(t, edit)
	return authn.NewJWT("web", s, loadKeys(t, s.Keys), newCache(&observer{}), tokenBytes)
}

func newCache(o authn.CacheObserver) *authn.Cache {
	var s authn.CacheSettings
	s.SetDefaults()
	return authn.NewCache(s, o)
}

// observer counts what a cache tells it.
type observer struct{ Hits, Misses, Evicted, Entries int }

func (o *observer) CacheHit()          { o.Hits++ }
func (o *observer) CacheMiss()         { o.Misses++ }
func (o *observer) CacheEvicted(n int) { o.Evicted += n }
func (o *observer) CacheEntries(n int) { o.Entries = n }

// verify returns the identity or the reason of a refusal, which must say
// nothing of the token.
func verify(t testing.TB, a authn.Authenticator, credential string) (*authn.Verified, policy.Reason) {
	t.Helper()
	return verifyAt(t, a, credential, at)
}

func verifyAt(t testing.TB, a authn.Authenticator, credential string, moment time.Time) (*authn.Verified, policy.Reason) {
	t.Helper()
	v, _, err := a.Verify(t.Context(), authn.Credential{Value: credential}, moment)
	if (err == nil) != (v != nil) {
		t.Fatalf("identity %v beside the error %v", v, err)
	}
	if len(credential) > 20 && err != nil && strings.Contains(err.Error(), credential[:20]) {
		t.Errorf("the error quotes the token: %v", err)
	}
	return v, policy.ReasonOf(err)
}

// claimPaths parses paths.
func claimPaths(t testing.TB, texts ...string) []policy.ClaimPath {
	t.Helper()
	var paths []policy.ClaimPath
	for _, text := range texts {
		path, err := policy.ParseClaimPath(text)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func reference(t testing.TB, text string) policy.Reference {
	t.Helper()
	ref, err := policy.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func duration(d time.Duration) *policy.Duration { return (*policy.Duration)(&d) }
