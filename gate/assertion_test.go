package gate_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// newAsserting compiles one route whose upstream is told of identities by X-Proof.
func newAsserting(t *testing.T, s policy.RouteSettings) *gate.Gate {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems policy.Problems
	asserter := (&authn.AssertionSettings{
		Header: "x-proof", Issuer: "postern", Keys: []keys.SigningKeySettings{{ID: "k", File: file}}, TTL: policy.Duration(time.Minute),
	}).Load(nil, keys.Loader{}, &problems)
	mustNot(t, problems)
	routes := policy.NewRoutes([]policy.RouteSettings{s}, policy.Common{})
	routes[0].Audience = "chat"
	matcher, _ := policy.NewMatcher(routes)
	return gate.New(gate.Settings{
		Routes: routes, Matcher: matcher, Authenticators: authenticators(t), TokenBytes: 16 << 10,
		IdentityHeaders: []string{asserter.Header()}, Asserter: asserter,
	})
}

// An assertion is dated by when the decision was made: a body that is waited for
// does not shorten its life.
func TestAssertionIsOfTheDecision(t *testing.T) {
	g := newAsserting(t, route(t, "/", []string{"customer"}))
	later := now.Add(20 * time.Second)
	for _, test := range []struct{ made, want time.Time }{{time.Time{}, now}, {later, later}} {
		// Another token each time, since assertions are shared.
		d := decide(t, g, "GET /", bearer(t, test.want.String()))
		d.Made = test.made
		header := http.Header{"X-Proof": {"forged"}, "X_proof": {"forged"}}
		stripped := d.Outbound(header, &url.URL{})
		if len(header) != 1 || len(header["X-Proof"]) != 1 || stripped != (gate.Stripped{Exact: 1, Alias: 1}) {
			t.Fatalf("%q, %+v", header, stripped)
		}
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(header.Get("X-Proof"), claims); err != nil {
			t.Fatal(err)
		}
		got := []any{claims["aud"], claims["iat"], claims["exp"]}
		want := []any{"chat", float64(test.want.Unix()), float64(test.want.Unix() + 60)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// What would have been denied is not asserted.
func TestReportedDenialIsNotAsserted(t *testing.T) {
	s := route(t, "/{id}", []string{"customer"}, rule{request: "path.id"})
	s.Mode = policy.Report
	d := decide(t, newAsserting(t, s), "GET /ann", bearer(t, "bob"))
	header := http.Header{"X-Proof": {"forged"}}
	if d.Outbound(header, &url.URL{}); d.Reported == nil || d.Verified == nil || len(header) != 0 {
		t.Errorf("%v: %q", d.Reported, header)
	}
}
