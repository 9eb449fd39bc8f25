package main

import (
	"context"
	"crypto"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// Streams are asserted, too; what a route only reports is not.
func TestAssertionWhereItGoes(t *testing.T) {
	a := newAsserting(t, []string{"k1"}, map[string]crypto.Signer{"k1": newSigningKey(t)})
	verify := a.newVerifier(t, a.health)
	if got := a.send(http.MethodGet, "/reporting", assertionHeader+": forged"); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if header := a.data.next(t).header; header[assertionHeader] != nil || header["X-Auth-Level"] != nil {
		t.Errorf("a denial that is only reported: %q", header)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, "http://"+a.address+"/socket", &websocket.DialOptions{HTTPClient: a.client, HTTPHeader: http.Header{assertionHeader: {"forged"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	opened := a.chat.next(t)
	events, err := a.client.Do(a.request(http.MethodGet, "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	for _, got := range []received{opened, a.chat.next(t)} {
		if _, err := verify(got.header.Get(assertionHeader), chatAudience); err != nil || len(got.header[assertionHeader]) != 1 {
			t.Errorf("%s: %q %v", got.target, got.header[assertionHeader], err)
		}
	}
	// A denial has none.
	if got := a.send(http.MethodGet, "/customer"); got.status != http.StatusUnauthorized || got.header[assertionHeader] != nil {
		t.Errorf("%+v", got)
	}
}

// An assertion is made when the request goes on, not when it came.
func TestAssertionOfASlowBody(t *testing.T) {
	a := newAsserting(t, []string{"k1"}, map[string]crypto.Signer{"k1": newSigningKey(t)})
	body, slow := io.Pipe()
	r := a.request(http.MethodPost, "/body", body, tenantToken(t, "a-shared-secret-of-thirty-two-bytes", "", nil), "Content-Type: application/json")
	answered := make(chan answer, 1)
	go func() { answered <- a.exchange(r) }()
	eventually(t, "a request under way", func() bool { return a.metrics("in_flight_requests")["in_flight_requests"] == 1 })
	came := time.Now().Unix()
	eventually(t, "the next second", func() bool { return time.Now().Unix() > came })
	if _, err := io.WriteString(slow, `{"customer":"ann"}`); err != nil {
		t.Fatal(err)
	}
	slow.Close()
	if got := await(t, "the answer", answered); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	claims, err := a.newVerifier(t, a.health)(a.data.next(t).header.Get(assertionHeader), "data")
	if issued, _ := claims["iat"].(float64); int64(issued) <= came || err != nil {
		t.Errorf("issued at %v, came at %d: %v", claims["iat"], came, err)
	}
}

// A key that is to come is published first; then it signs, while what the old one
// has signed still verifies.
func TestAssertionKeysRotate(t *testing.T) {
	old, next := newSigningKey(t), newSigningKey(t)
	a := newAsserting(t, []string{"old"}, map[string]crypto.Signer{"old": old, "next": next})
	reload := func(ids ...string) {
		t.Helper()
		a.values["KEYS"] = a.list(ids...)
		a.configure(assertionYAML, a.values)
		if err := a.app.reload(); err != nil {
			t.Fatal(err)
		}
	}
	token := tenantToken(t, "a-shared-secret-of-thirty-two-bytes", "", nil)
	first := a.asserted(t, "/customer", token)
	reload("old", "next")
	verify := a.newVerifier(t, a.health) // which fetches once, here
	reload("next", "old")
	second := a.asserted(t, "/customer", token)
	if kids := []any{tokenHeader(t, first)["kid"], tokenHeader(t, second)["kid"]}; !cmp.Equal(kids, []any{"old", "next"}) {
		t.Errorf("signed by %v", kids)
	}
	for _, assertion := range []string{first, second} {
		if _, err := verify(assertion, "data"); err != nil {
			t.Error(err)
		}
	}
	// A file that changes is read again; one that breaks changes nothing.
	a.writeKey(t, "next", newSigningKey(t))
	a.log.next(t, "configuration reloaded")
	a.log.next(t, "configuration reloaded")
	a.log.next(t, "configuration reloaded")
	third := a.asserted(t, "/customer", token)
	if _, err := verify(third, "data"); err == nil {
		t.Error("another key of the same id verifies by the old one")
	}
	if _, err := a.newVerifier(t, a.health)(third, "data"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(a.folder, "next.pem"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.app.reload(); err == nil || strings.Contains(err.Error(), "nothing") {
		t.Errorf("a broken key: %v", err)
	}
	if _, err := a.newVerifier(t, a.admin)(a.asserted(t, "/customer", token), "data"); err != nil {
		t.Error(err)
	}
}

// Only public halves are published, and nothing where nothing is signed.
func TestAssertionKeysArePublic(t *testing.T) {
	a := newAsserting(t, []string{"k1"}, map[string]crypto.Signer{"k1": newSigningKey(t)})
	for _, address := range []string{a.admin, a.health} {
		got := a.operate(address, http.MethodGet, "/.well-known/jwks.json")
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(got.body), &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%+v: %v", got, err)
		}
		key := set.Keys[0]
		delete(key, "x")
		delete(key, "y")
		if diff := cmp.Diff(map[string]any{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig"}, key); diff != "" {
			t.Error(diff)
		}
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/jwk-set+json" {
			t.Errorf("%+v", got)
		}
	}
	if got := a.send(http.MethodGet, "/.well-known/jwks.json"); got.status != http.StatusNotFound {
		t.Errorf("the listener of clients: %+v", got)
	}
	a.configure(strings.NewReplacer("identity_assertion:", "# ", `, audience: "`+chatAudience+`"`, "").Replace(assertionYAML), a.values)
	if err := a.app.reload(); err != nil {
		t.Fatal(err)
	}
	if got := a.operate(a.admin, http.MethodGet, "/.well-known/jwks.json"); got.status != http.StatusNotFound {
		t.Errorf("without keys: %+v", got)
	}
}
