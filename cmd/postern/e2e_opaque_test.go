package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const opaqueYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
opaque_id: { key: { value: "${KEY}", encoding: hex } }
authenticators:
  customer: { type: jwt, scheme: JWT, keys: { secrets: [{ id: s, value: a-shared-secret-of-thirty-two-bytes }] }, algorithms: [HS256], customer_id: claims.sub }
  tenants: { type: jwt, scheme: JWT, keys: { keyring_file: "${RING}", select: path.project }, algorithms: [HS256], customer_id: claims.sub }
  app: { type: token, scheme: Token, tokens: [{ id: app, value: app-token }] }
identity_headers: { X-Opaque: "{opaque_id}" }
routes:
  - { match: /customer, upstream: data, authenticate: [customer] }
  - { match: /own, upstream: data, authenticate: [customer], consistency: [{ identity: opaque_id, request: query.customer }] }
  - { match: "/tenants/{project}", upstream: data, authenticate: [tenants] }
  - { match: /app, upstream: data, authenticate: [app] }
`

// The key of one set of opaque ids, and of another one.
var (
	opaqueKey      = strings.Repeat("0123456789abcdef", 8)
	otherOpaqueKey = strings.Repeat("fedcba9876543210", 8)
)

// What backends are told is the same for each credential of a customer and after
// each reload, another for each customer, and what `postern id` says it is.
func TestOpaqueIDs(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "ring.yaml")
	if err := os.WriteFile(ring, []byte("A: [{ id: a, value: "+secretOfA+" }]\nB: [{ id: b, value: "+secretOfB+" }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := newSpy(t, nil)
	values := func(key string) map[string]string {
		return map[string]string{"DATA": data.URL, "RING": ring, "KEY": key}
	}
	b := start(t, opaqueYAML, values(opaqueKey))
	token := func(sub any, jti string) string {
		return tenantToken(t, "a-shared-secret-of-thirty-two-bytes", "", jwt.MapClaims{"sub": sub, "jti": jti})
	}
	told := func(target, credential string) string {
		t.Helper()
		if got := b.send(http.MethodGet, target, credential, "X-Opaque: forged"); got.status != http.StatusOK {
			t.Errorf("%s: %+v", target, got)
			return ""
		}
		return strings.Join(data.next(t).header["X-Opaque"], ",")
	}
	long := strings.Repeat("l", 8<<10)
	first := token("ann", "1")
	requests := []struct{ target, credential, id, tenant string }{
		{"/customer", first, "ann", ""},
		{"/customer", token("a", "1"), "a", ""},
		{"/customer", token(long, "1"), long, ""},
		{"/customer", token("42", "1"), "42", ""},
		{"/customer", token(map[string]any{"registered": "ann", "cookie": 42}, "1"), `{"registered":"ann","cookie":42}`, ""},
		{"/tenants/A", tenantToken(t, secretOfA, "", nil), "ann", "A"},
		{"/tenants/B", tenantToken(t, secretOfB, "", nil), "ann", "B"},
	}
	ids := func() (list []string) {
		for _, r := range requests {
			list = append(list, told(r.target, r.credential))
		}
		return list
	}
	want := ids()
	seen := map[string]bool{}
	for i, r := range requests {
		if seen[want[i]] || want[i] == "" || strings.Contains(want[i], "forged") {
			t.Errorf("%s of %s has the id %q", r.id[:min(len(r.id), 20)], r.tenant, want[i])
		}
		seen[want[i]] = true
		var sealed, stderr bytes.Buffer
		if code := run(t.Context(), []string{"id", "seal", "--config", b.file, "--tenant", r.tenant, r.id}, &sealed, &stderr); code != exitDone || sealed.String() != want[i]+"\n" {
			t.Errorf("postern id seal: %d %q %q, want %q", code, sealed.String(), stderr.String(), want[i])
		}
	}
	for _, same := range []string{token("ann", "2"), token("ann", "1")} {
		if got := told("/customer", same); got != want[0] {
			t.Errorf("another token of a customer: %q, want %q", got, want[0])
		}
	}
	if got := told("/customer", token(42, "1")); got != want[3] {
		t.Errorf("the integer of a text: %q, want %q", got, want[3])
	}
	if got := told("/app", "Authorization: Token app-token"); got != "" {
		t.Errorf("an application has the opaque id %q", got)
	}

	if got := told("/own?customer="+want[0], first); got != want[0] {
		t.Errorf("under a rule: %q", got)
	}
	for _, other := range []string{want[1], "ann", strings.ToLower(want[0])} {
		got := b.send(http.MethodGet, "/own?customer="+other, first)
		if got.status != http.StatusForbidden || got.header.Get("Postern-Reason") != "identity_mismatch" {
			t.Errorf("the id of another: %+v", got)
		}
	}
	data.expectNone(t)

	reload := func(key string) {
		t.Helper()
		b.configure(opaqueYAML, values(key))
		if err := b.app.reload(); err != nil {
			t.Fatal(err)
		}
	}
	reload(opaqueKey)
	if diff := cmp.Diff(want, ids()); diff != "" {
		t.Errorf("after a reload (-want +got):\n%s", diff)
	}
	// Another key changes them all at once, of cached tokens, too.
	reload(otherOpaqueKey)
	for i, got := range ids() {
		if got == want[i] || got == "" {
			t.Errorf("with another key: %q", got)
		}
	}
	reload(opaqueKey)
	if diff := cmp.Diff(want, ids()); diff != "" {
		t.Errorf("with the first key again (-want +got):\n%s", diff)
	}
}
