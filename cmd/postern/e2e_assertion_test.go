package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/assertion.yaml
var assertionYAML string

const (
	assertionIssuer = "https://postern.example.com"
	chatAudience    = "https://chat.example.com"
	assertionHeader = "X-Identity-Assertion"
)

// asserting is a Postern that asserts identities to two backends.
type asserting struct {
	*testbed
	data   *spy
	chat   *chat
	folder string
	values map[string]string
}

// newAsserting signs with the first of some keys, by id.
func newAsserting(t *testing.T, ids []string, byID map[string]crypto.Signer) *asserting {
	t.Helper()
	a := &asserting{data: newSpy(t, nil), chat: newChat(t), folder: t.TempDir()}
	ring := filepath.Join(a.folder, "ring.yaml")
	if err := os.WriteFile(ring, []byte("acme: [{ id: a, value: "+secretOfA+" }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for id, key := range byID {
		a.writeKey(t, id, key)
	}
	a.values = map[string]string{"DATA": a.data.URL, "CHAT": a.chat.URL, "RING": ring, "KEYS": a.list(ids...)}
	a.testbed = start(t, assertionYAML, a.values)
	return a
}

// list writes the keys of some ids as the configuration has them.
func (a *asserting) list(ids ...string) string {
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, fmt.Sprintf("{ id: %s, file: %q }", id, filepath.Join(a.folder, id+".pem")))
	}
	return strings.Join(list, ", ")
}

func (a *asserting) writeKey(t *testing.T, id string, key crypto.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(a.folder, id+".pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asserted makes a request that must pass, and returns its assertion.
func (a *asserting) asserted(t *testing.T, target string, fields ...string) string {
	t.Helper()
	if got := a.send(http.MethodGet, target, fields...); got.status != http.StatusOK {
		t.Fatalf("%s: %+v", target, got)
	}
	var header http.Header
	if strings.HasPrefix(target, "/chat") {
		header = a.chat.next(t).header
	} else {
		header = a.data.next(t).header
	}
	if len(header[assertionHeader]) != 1 {
		t.Fatalf("%s: the backend got %q", target, header)
	}
	return header.Get(assertionHeader)
}

// newVerifier verifies with the published keys, as a backend in Go does.
func (a *asserting) newVerifier(t *testing.T, address string) func(assertion, audience string) (jwt.MapClaims, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{"http://" + address + "/.well-known/jwks.json"})
	if err != nil {
		t.Fatal(err)
	}
	return func(assertion, audience string) (jwt.MapClaims, error) {
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(assertion, claims, keys.Keyfunc, jwt.WithIssuer(assertionIssuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
		return claims, err
	}
}

// verifyWithJose verifies assertions as a backend in Node does. It returns claims,
// or the code of an error.
func verifyWithJose(t *testing.T, address, audience string, assertions ...string) (results []any) {
	t.Helper()
	nodeModules(t, "testdata/npm-issuers")
	command := exec.CommandContext(t.Context(), "node", "verify.mjs", "http://"+address+"/.well-known/jwks.json", assertionIssuer, audience)
	command.Dir, command.Stdin = "testdata/npm-issuers", strings.NewReader(strings.Join(assertions, "\n")+"\n")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		var result any
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatal(err)
		}
		results = append(results, result)
	}
	if len(results) != len(assertions) {
		t.Fatalf("%d results of %d assertions", len(results), len(assertions))
	}
	return results
}

// withoutTimes takes from claims what differs each time, once it was looked at.
func withoutTimes(t *testing.T, claims map[string]any) map[string]any {
	t.Helper()
	issued, _ := claims["iat"].(float64)
	expires, _ := claims["exp"].(float64)
	if age := time.Since(time.Unix(int64(issued), 0)); age < 0 || age > patience || expires-issued != 60 {
		t.Errorf("issued %v ago, for %v s", age, expires-issued)
	}
	if id, _ := claims["jti"].(string); len(id) < 20 {
		t.Errorf("jti is %v", claims["jti"])
	}
	rest := map[string]any{}
	for name, value := range claims {
		if name != "iat" && name != "exp" && name != "jti" {
			rest[name] = value
		}
	}
	return rest
}

// What an upstream is told is verified by two other implementations, with the keys
// of either listener, for each kind of key.
func TestAssertion(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	customer := func(changes jwt.MapClaims) string {
		return tenantToken(t, "a-shared-secret-of-thirty-two-bytes", "", changes)
	}
	requests := []struct {
		target string
		fields []string
		want   map[string]any
	}{
		{"/customer", []string{customer(nil)}, map[string]any{"sub": "ann", "level": "customer", "authenticator": "customer"}},
		{"/customer", []string{customer(jwt.MapClaims{"sub": 42})}, map[string]any{"sub": "42", "level": "customer", "authenticator": "customer"}},
		{"/customer", []string{customer(jwt.MapClaims{"sub": "Zoë \"\r\n"})}, map[string]any{"sub": "Zoë \"\r\n", "level": "customer", "authenticator": "customer"}},
		{"/customer", []string{customer(jwt.MapClaims{"sub": map[string]any{"registered": "ann", "cookie": 7}})}, map[string]any{
			"sub": `{"cookie":7,"registered":"ann"}`, "ids": map[string]any{"registered": "ann", "cookie": 7.0},
			"level": "customer", "authenticator": "customer"}},
		{"/customer", []string{customer(jwt.MapClaims{"sub": nil})}, map[string]any{"level": "application", "authenticator": "customer"}},
		{"/tenants/acme", []string{tenantToken(t, secretOfA, "", nil)}, map[string]any{"sub": "ann", "tenant": "acme", "level": "customer", "authenticator": "tenants"}},
		{"/app", []string{"X-App: app-token"}, map[string]any{"level": "application", "authenticator": "app"}},
		{"/both", []string{"X-App: app-token", customer(nil)}, map[string]any{"sub": "ann", "level": "customer", "authenticator": "app+customer"}},
		{"/public", nil, map[string]any{"level": "anonymous", "authenticator": "anonymous"}},
		{"/passed", []string{"Authorization: Basic YTpi"}, map[string]any{"level": "anonymous", "authenticator": "anonymous"}},
	}
	for name, key := range map[string]crypto.Signer{"ES256": newSigningKey(t), "EdDSA": edwards, "RS256": rsaKey} {
		t.Run(name, func(t *testing.T) {
			a := newAsserting(t, []string{"k1"}, map[string]crypto.Signer{"k1": key})
			verify := a.newVerifier(t, a.admin)
			var assertions []string
			var want []any
			for _, r := range requests {
				assertion := a.asserted(t, r.target, append(r.fields, assertionHeader+": forged", "X_Identity_Assertion: forged")...)
				r.want["iss"], r.want["aud"] = assertionIssuer, "data"
				claims, err := verify(assertion, "data")
				if diff := cmp.Diff(r.want, withoutTimes(t, claims)); diff != "" || err != nil {
					t.Errorf("%s: %v %s", r.target, err, diff)
				}
				if got := tokenHeader(t, assertion); !cmp.Equal(got, map[string]any{"alg": name, "kid": "k1", "typ": "JWT"}) {
					t.Errorf("the header is %v", got)
				}
				assertions, want = append(assertions, assertion), append(want, r.want)
			}
			got := verifyWithJose(t, a.health, "data", assertions...)
			for i := range got {
				got[i] = withoutTimes(t, got[i].(map[string]any))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			// Nobody else verifies them, and nothing else verifies.
			parts, others := strings.Split(assertions[0], "."), strings.Split(assertions[1], ".")
			swapped := parts[0] + "." + others[1] + "." + parts[2]
			if got := verifyWithJose(t, a.admin, chatAudience, assertions[0]); !cmp.Equal(got, []any{"ERR_JWT_CLAIM_VALIDATION_FAILED"}) {
				t.Errorf("another audience: %v", got)
			}
			if got := verifyWithJose(t, a.admin, "data", swapped); !cmp.Equal(got, []any{"ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}) {
				t.Errorf("claims of another: %v", got)
			}
			if _, err := verify(swapped, "data"); err == nil {
				t.Error("claims of another verify")
			}
		})
	}
}

// tokenHeader returns the first part of a token.
func tokenHeader(t *testing.T, token string) map[string]any {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header
}
