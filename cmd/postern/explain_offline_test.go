package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/explain"
	"postern/policy"
)

// Explain asks nobody, whatever the configuration names.
func TestExplainAsksNobody(t *testing.T) {
	var connections atomic.Int64
	spy := httptest.NewUnstartedServer(http.NotFoundHandler())
	spy.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
	spy.Start()
	file := filepath.Join(t.TempDir(), "postern.yaml")
	writeConfig(t, file, `
upstreams: { data: { url: "${SPY}" } }
authenticators:
  customer: { type: jwt, scheme: JWT, keys: { jwks_url: "${SPY}/jwks" }, algorithms: [ES256], issuer: i, audience: a, customer_id: claims.sub }
  found: { type: jwt, scheme: Found, keys: { discovery: "${SPY}" }, algorithms: [ES256], issuer: "${SPY}", audience: a }
  certificates: { type: jwt, scheme: X509, keys: { x509_url: "${SPY}/certs" }, algorithms: [RS256], issuer: i, audience: a }
  opaque: { type: introspection, scheme: Opaque, url: "${SPY}/introspect", client_id: p, client_secret: secret-of-postern, audience: a }
  own: { type: profile, scheme: Own, url: "${SPY}/me" }
  app: { type: token, scheme: Token, tokens: [{ id: a, value: token-of-the-app }] }
routes:
  - { match: /, upstream: data, authenticate: [customer, found, certificates, opaque, own, anonymous] }
  - match: /profile
    upstream: data
    authenticate: [app]
    consistency: [{ identity: level, profile: id, with: own }]
`, map[string]string{"SPY": spy.URL})
	idp := newIssuer(t, "k1")
	for _, test := range []struct{ target, credential, reason string }{
		{"/", "JWT " + idp.sign(t, "k1", jwt.MapClaims{"sub": "ada"}), "keys_unavailable"},
		{"/", "Found " + idp.sign(t, "k1", jwt.MapClaims{"sub": "ada"}), "keys_unavailable"},
		{"/", "Opaque value-of-a-token", "introspection_unavailable"},
		{"/", "Own value-of-a-token", "profile_unavailable"},
		{"/profile", "Token token-of-the-app", "profile_unavailable"},
	} {
		report, text := explained(t, file, "GET", test.target, "-H", "Authorization: "+test.credential)
		if v := report.Verdict; v.Reason != test.reason || v.DependsOn == "" {
			t.Errorf("%s: verdict %+v, want %s that depends on something", test.credential, v, test.reason)
		}
		hidesCredentials(t, text, []string{"Authorization: " + test.credential})
	}
	if report, _ := explained(t, file, "GET", "/"); report.Verdict.Decision != explain.Allow {
		t.Errorf("anonymous: %+v", report.Verdict)
	}
	spy.Close()
	if connections.Load() > 0 {
		t.Error("something came over the network")
	}
}

// Keys that are remote come from a file or from the last good copy.
func TestExplainWithKeys(t *testing.T) {
	idp := newIssuer(t, "k1")
	state := filepath.Join(t.TempDir(), "state")
	config := anyPort + `
state_dir: "${STATE}"
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators:
  customer: { type: jwt, keys: { jwks_url: "${IDP}" }, algorithms: [ES256], issuer: i, audience: a, customer_id: claims.sub }
identity_headers: { X-Customer-Id: "{customer_id}" }
routes: [{ match: /, upstream: data, authenticate: [customer] }]
`
	values := map[string]string{"STATE": state, "IDP": idp.URL}
	token := idp.sign(t, "k1", jwt.MapClaims{"iss": "i", "aud": "a", "sub": "ada", "exp": fromNow(3600)})
	bearer := []string{"GET", "/", "-H", "Authorization: Bearer " + token}
	jwks, other := idp.save(t), newIssuer(t, "k2").save(t)
	file := filepath.Join(t.TempDir(), "postern.yaml")
	writeConfig(t, file, config, values)
	for _, test := range []struct {
		name      string
		arguments []string
		want      explain.Verdict
	}{
		{"no keys", nil, explain.Verdict{Decision: "deny", Reason: "keys_unavailable", Status: 503, Detail: policy.KeysUnavailable.Title(),
			DependsOn: "the keys of customer: give them with --jwks customer=FILE"}},
		{"a file for all", []string{"--jwks", jwks}, explain.Verdict{Decision: "allow", Reason: "none"}},
		{"a file for one", []string{"--jwks", "customer=" + jwks}, explain.Verdict{Decision: "allow", Reason: "none"}},
		{"other keys", []string{"--jwks", other}, explain.Verdict{Decision: "deny", Reason: "unknown_key", Status: 401, Detail: policy.UnknownKey.Title()}},
	} {
		report, _ := explained(t, file, append(bearer, test.arguments...)...)
		if diff := cmp.Diff(test.want, report.Verdict); diff != "" {
			t.Errorf("%s: verdict (-want +got):\n%s", test.name, diff)
		}
	}

	b := start(t, config, values) // which keeps a copy
	b.log.next(t, "keys loaded")
	eventually(t, "a copy", func() bool { list, _ := os.ReadDir(state); return len(list) == 1 })
	b.stop()
	idp.Close()
	report, _ := explained(t, file, bearer...)
	if report.Verdict.Decision != explain.Allow {
		t.Errorf("from the copy: %+v", report.Verdict)
	}
	unknown := newIssuer(t, "k3").sign(t, "k3", jwt.MapClaims{"iss": "i"})
	report, _ = explained(t, file, "GET", "/", "-H", "Authorization: Bearer "+unknown)
	if v := report.Verdict; v.Reason != "keys_pending" || v.DependsOn == "" {
		t.Errorf("a key that the copy lacks: %+v", v)
	}
}
