package authn_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

var rsa1024 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })

// curveKeys are distinct keys of one kind.
var curveKeys = sync.OnceValue(func() []*ecdsa.PrivateKey {
	list := make([]*ecdsa.PrivateKey, 6)
	for i := range list {
		list[i] = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	return list
})

// published is a key as a set shows it: the public half, or a secret.
func published(key any, kid, algorithm, use string) string {
	if signer, ok := key.(crypto.Signer); ok {
		key = signer.Public()
	}
	return string(must(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: algorithm, Use: use}.MarshalJSON()))
}

func keySet(list ...string) string { return `{"keys":[` + strings.Join(list, ",") + `]}` }

// newSetVerifier reads a key set from a file, as it would from a provider.
func newSetVerifier(t *testing.T, document string, algorithms ...string) *authn.JWT {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return newJWT(t, func(s *authn.JWTSettings) {
		s.Keys = keys.Settings{}
		s.Keys.SetDefaults()
		s.Keys.JWKSFile = path
		s.Algorithms, s.AllowAnyIssuer, s.AllowAnyAudience = algorithms, true, true
	})
}

// by signs the claims of every test with a key, under a header.
func by(t *testing.T, algorithm string, key any, header string) string {
	t.Helper()
	return sign(t, algorithm, key, encode(header)+"."+encode(claims))
}

// What a provider publishes that must not verify does not, and takes nothing
// from the keys beside it (RFC 7517, sections 4.2 to 4.5).
func TestHostileKeySet(t *testing.T) {
	shared := []byte(secret)
	twins := curveKeys()[:2]
	verifier := newSetVerifier(t, keySet(
		published(shared, "oct", "HS256", "sig"),
		published(shared, "oct-as-rs", "RS256", "sig"),
		published(rsaKey(), "enc", "RSA-OAEP", "enc"),
		published(otherRSA(), "enc-rs", "RS256", "enc"),
		published(rsa1024(), "weak", "RS256", "sig"),
		published(p384(), "curve", "ES256", "sig"),
		published(twins[0], "twin", "ES256", "sig"),
		published(twins[1], "twin", "ES256", "sig"),
		published(rsaKey(), "good", "PS256", "sig"),
	), "RS256", "PS256", "ES256", "ES384")
	for name, test := range map[string]forgery{
		"oct, HS256":                {by(t, "HS256", shared, `{"alg":"HS256","kid":"oct"}`), policy.AlgorithmNotAllowed},
		"oct, HS256 sent as RS256":  {by(t, "HS256", shared, `{"alg":"RS256","kid":"oct"}`), policy.UnknownKey},
		"oct that says RS256":       {by(t, "HS256", shared, `{"alg":"RS256","kid":"oct-as-rs"}`), policy.UnknownKey},
		"use enc":                   {by(t, "RS256", rsaKey(), `{"alg":"RS256","kid":"enc"}`), policy.UnknownKey},
		"use enc, alg RS256":        {by(t, "RS256", otherRSA(), `{"alg":"RS256","kid":"enc-rs"}`), policy.UnknownKey},
		"use enc, without a kid":    {by(t, "PS256", otherRSA(), `{"alg":"PS256"}`), policy.BadSignature},
		"weak RSA":                  {by(t, "RS256", rsa1024(), `{"alg":"RS256","kid":"weak"}`), policy.UnknownKey},
		"weak RSA, without a kid":   {by(t, "PS256", rsa1024(), `{"alg":"PS256"}`), policy.BadSignature},
		"P-384 that says ES256":     {by(t, "ES384", p384(), `{"alg":"ES384","kid":"curve"}`), policy.UnknownKey},
		"RS256 with a key of PS256": {by(t, "RS256", rsaKey(), `{"alg":"RS256","kid":"good"}`), policy.AlgorithmNotAllowed},
		"no key of the algorithm":   {by(t, "RS256", rsaKey(), `{"alg":"RS256"}`), policy.AlgorithmNotAllowed},
		"one twin":                  {by(t, "ES256", twins[0], `{"alg":"ES256","kid":"twin"}`), policy.ReasonNone},
		"the other twin":            {by(t, "ES256", twins[1], `{"alg":"ES256","kid":"twin"}`), policy.ReasonNone},
		"another with their kid":    {by(t, "ES256", p256(), `{"alg":"ES256","kid":"twin"}`), policy.BadSignature},
		"a twin with another kid":   {by(t, "ES256", twins[0], `{"alg":"ES256","kid":"good"}`), policy.AlgorithmNotAllowed},
		"a twin without a kid":      {by(t, "ES256", twins[1], `{"alg":"ES256"}`), policy.ReasonNone},
		"good":                      {by(t, "PS256", rsaKey(), `{"alg":"PS256","kid":"good"}`), policy.ReasonNone},
		"good, without a kid":       {by(t, "PS256", rsaKey(), `{"alg":"PS256"}`), policy.ReasonNone},
	} {
		if _, got := verify(t, verifier, test.token); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A token costs four signature checks at most, whatever the set holds: the
// fifth key is not tried, and keys that do not fit take no turn.
func TestFourCandidates(t *testing.T) {
	others := []string{published(rsaKey(), "", "RS256", "sig"), published(p384(), "", "ES384", "sig"), published(ed25519Key(), "", "EdDSA", "sig")}
	for name, kid := range map[string]string{"no kid": "", "one kid": "k"} {
		list := others
		for _, key := range curveKeys() {
			list = append(list, published(key, kid, "", "sig"))
		}
		verifier := newSetVerifier(t, keySet(list...), "ES256")
		header := `{"alg":"ES256"}`
		if kid != "" {
			header = `{"alg":"ES256","kid":"k"}`
		}
		for i, key := range curveKeys() {
			want := policy.ReasonNone
			if i >= 4 {
				want = policy.BadSignature
			}
			if _, got := verify(t, verifier, by(t, "ES256", key, header)); got != want {
				t.Errorf("%s, key %d: %v, want %v", name, i, got, want)
			}
		}
	}
}

// silence takes what a source tells.
type silence struct{}

func (silence) KeysLoaded(string, int)                {}
func (silence) KeysRefreshed(string, bool, time.Time) {}
func (silence) KeysRestored(string, time.Time)        {}
func (silence) KeysKept(string, bool)                 {}
func (silence) UnknownKid(string)                     {}

// Header members that point to keys are not followed, whoever signs (RFC 8725,
// section 3.10): with the provider's key they change nothing, with another the
// token is refused, and only the configured URL is ever asked.
func TestHeaderPointsToNoKey(t *testing.T) {
	var asked sync.Map
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path, true)
		key := rsaKey()
		if r.URL.Path != "/jwks" {
			key = otherRSA()
		}
		fmt.Fprint(w, keySet(published(key, "k", "RS256", "sig")))
	}))
	defer idp.Close()
	remote := keys.NewRemote("idp", keys.RemoteSettings{
		Location: keys.Location{Form: keys.JWKSet, URL: idp.URL + "/jwks"}, Refresh: time.Hour, Timeout: 10 * time.Second, MaxBytes: 1 << 20, MaxStale: time.Hour,
	}, silence{}, slog.New(slog.DiscardHandler))
	remote.Start()
	defer remote.Stop()
	if err := remote.WaitFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := typicalSettings(t, "RS256")
	s.Issuer, s.Audience, s.CustomerID = nil, nil, policy.Reference{}
	verifier := authn.NewJWT("web", s, remote, newCache(&observer{}), tokenBytes)

	jwk := published(otherRSA(), "k", "RS256", "sig")
	for _, member := range []string{
		`"jku":"` + idp.URL + `/attacker"`, `"jku":"/attacker"`, `"x5u":"` + idp.URL + `/attacker"`, `"url":"` + idp.URL + `/attacker"`,
		`"jwk":` + jwk, `"jwk":null`, `"jwks":` + keySet(jwk), `"x5c":["MIIB"]`, `"x5c":7`, `"x5t":"AAAA"`, `"x5t#S256":"AAAA"`, `"zip":"DEF"`, `"cty":"JWT"`, `"b64":true`,
	} {
		header := `{"alg":"RS256","kid":"k",` + member + `}`
		if _, got := verify(t, verifier, by(t, "RS256", rsaKey(), header)); got != policy.ReasonNone {
			t.Errorf("%s, signed by the provider: %v", member, got)
		}
		if _, got := verify(t, verifier, by(t, "RS256", otherRSA(), header)); got != policy.BadSignature {
			t.Errorf("%s, signed by another: %v", member, got)
		}
	}
	elsewhere := `{"alg":"RS256","kid":"mine","jku":"` + idp.URL + `/attacker"}`
	if _, got := verify(t, verifier, by(t, "RS256", otherRSA(), elsewhere)); got != policy.UnknownKey {
		t.Errorf("with a kid of its own: %v", got)
	}
	asked.Range(func(path, _ any) bool {
		if path != "/jwks" {
			t.Errorf("%v was asked", path)
		}
		return true
	})
}
