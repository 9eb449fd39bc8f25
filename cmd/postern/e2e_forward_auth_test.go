package main

import (
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/forward_auth.yaml
var forwardAuthYAML string

// asked is a Postern whom other proxies ask.
type asked struct{ *testbed }

// newAsked starts a Postern that proxies of some addresses may ask.
func newAsked(t *testing.T, trusted string) *asked {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(newSigningKey(t))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "assertion.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &asked{start(t, forwardAuthYAML, map[string]string{"TRUSTED": trusted, "KEY": key})}
}

// ask asks as a proxy does, with the header of its client and its own.
func (b *asked) ask(method, target string, fields ...string) answer {
	b.t.Helper()
	return b.question(append([]string{"X-Forwarded-Method: " + method, "X-Forwarded-Uri: " + target, "X-Forwarded-Host: www.example.com", "X-Forwarded-Proto: https"}, fields...)...)
}

func (b *asked) question(fields ...string) answer {
	b.t.Helper()
	return b.operate(b.forwardAuth, http.MethodGet, "/auth?a=b", fields...)
}

func annsToken(t *testing.T, changes jwt.MapClaims) string {
	return tenantToken(t, "a-shared-secret-of-thirty-two-bytes", "", changes)
}

// learnt is what a proxy learns: the status, the reason, and what the upstream gets.
type learnt struct {
	Status                  int
	Reason, Customer, Level string
	Asserted                bool
}

func learn(a answer) learnt {
	return learnt{a.status, a.header.Get("Postern-Reason"), a.header.Get("X-Customer-Id"), a.header.Get("X-Auth-Level"), a.header.Get(assertionHeader) != ""}
}

// A proxy is told what a request would have met here, in either family of headers.
func TestForwardAuth(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	ann := annsToken(t, nil)
	customer := learnt{200, "", "ann", "customer", true}
	original := func(method, target, host string, fields ...string) answer {
		return b.question(append([]string{"X-Original-Method: " + method, "X-Original-URI: " + target, "Host: " + host}, fields...)...)
	}
	for name, test := range map[string]struct {
		got  answer
		want learnt
	}{
		"a customer":              {b.ask("GET", "/customers/ann", ann), customer},
		"HEAD":                    {b.ask("HEAD", "/customers/ann", ann), customer},
		"by nginx":                {original("GET", "/customers/ann", "www.example.com", ann), customer},
		"an application":          {original("GET", "/", "app.example.com", "X-App: app-token"), learnt{200, "", "", "application", true}},
		"anonymous":               {b.ask("PUT", "/public?x=1"), learnt{200, "", "", "anonymous", true}},
		"a forged identity":       {b.ask("GET", "/public", "X-Customer-Id: eve", assertionHeader+": forged"), learnt{200, "", "", "anonymous", true}},
		"only reported":           {b.ask("GET", "/report"), learnt{200, "", "", "", false}},
		"no credential":           {b.ask("GET", "/customers/ann"), learnt{401, "missing_credential", "", "", false}},
		"an expired token":        {b.ask("GET", "/customers/ann", annsToken(t, jwt.MapClaims{"exp": fromNow(-1e12)})), learnt{401, "token_expired", "", "", false}},
		"another customer":        {b.ask("GET", "/customers/bob", ann), learnt{403, "identity_mismatch", "", "", false}},
		"another in the query":    {b.ask("GET", "/query?id=ann&id=bob", ann), learnt{403, "identity_mismatch", "", "", false}},
		"no route":                {b.ask("GET", "/nowhere", ann), learnt{404, "no_route", "", "", false}},
		"another method":          {b.ask("POST", "/customers/ann", ann), learnt{405, "method_not_allowed", "", "", false}},
		"another host":            {b.ask("GET", "/", "X-App: app-token"), learnt{404, "no_route", "", "", false}},
		"dots":                    {b.ask("GET", "/public/../customers/ann", ann), learnt{400, "ambiguous_path", "", "", false}},
		"an alias of a header":    {b.ask("GET", "/public", "X_Customer_Id: eve"), learnt{400, "malformed_request", "", "", false}},
		"an alias, only reported": {b.ask("GET", "/report", "X.Customer.Id: eve"), learnt{400, "malformed_request", "", "", false}},
		"two credentials":         {b.ask("GET", "/customers/ann", ann, ann), learnt{400, "malformed_request", "", "", false}},
	} {
		if diff := cmp.Diff(test.want, learn(test.got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// A refusal is the one that the client would have got.
	got := b.ask("POST", "/customers/ann", ann, "X-Request-Id: id-of-the-proxy")
	var body struct{ Reason, RequestID string }
	if err := json.Unmarshal([]byte(strings.Replace(got.body, "request_id", "RequestID", 1)), &body); err != nil {
		t.Fatal(err)
	}
	if got.header.Get("Allow") != "GET, HEAD" || got.header.Get("Content-Type") != "application/problem+json" || body.RequestID != "id-of-the-proxy" {
		t.Errorf("%+v", got)
	}
	if got := b.ask("GET", "/customers/ann"); got.header.Get("Www-Authenticate") != `JWT realm="postern"` {
		t.Errorf("%+v", got)
	}
	if got := b.ask("HEAD", "/customers/ann"); got.body == "" { // the question was a GET
		t.Errorf("%+v", got)
	}
	allowed := b.ask("GET", "/customers/ann", ann, "X-Request-Id: id-of-the-proxy")
	if allowed.header.Get("X-Request-Id") != "id-of-the-proxy" || allowed.header.Get("Cache-Control") != "no-store" || allowed.body != "" {
		t.Errorf("%+v", allowed)
	}
	// What is no header of the identity does not come back.
	for name := range b.ask("GET", "/public", "X-Other: 1", "Cookie: a=b", ann).header {
		switch name {
		case "X-Auth-Level", assertionHeader, "X-Request-Id", "Cache-Control", "Content-Length", "Date":
		default:
			t.Errorf("the proxy is told %s", name)
		}
	}
}

// A question is counted, logged and restrained as a request is.
func TestForwardAuthIsAccounted(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	before := b.metrics("requests_total", "decisions_total")
	const client = "X-Forwarded-For: 198.51.100.7"
	b.ask("GET", "/customers/ann", annsToken(t, nil), client)
	logged := b.log.next(t, "request")
	for _, name := range []string{"time", "request_id", "duration"} {
		delete(logged, name)
	}
	if diff := cmp.Diff(record{
		"level": "INFO", "msg": "request", "route": "customer", "method": "GET", "path": "/customers/{id}", "status": 200.0, "authenticator": "customer", "tenant": "",
		"credential_id": "s1", "decision": "allow", "reason": "none", "upstream_duration": 0.0, "client": "198.51.100.7",
	}, logged); diff != "" {
		t.Error(diff)
	}
	forged := annsToken(t, nil) + "x"
	var statuses []int
	for range 5 {
		statuses = append(statuses, b.ask("GET", "/customers/ann", forged, client).status)
	}
	if diff := cmp.Diff([]int{401, 401, 401, 429, 429}, statuses); diff != "" {
		t.Error(diff)
	}
	if got := b.ask("GET", "/customers/ann", annsToken(t, nil), client); got.status != http.StatusOK {
		t.Errorf("a valid credential: %+v", got)
	}
	if diff := cmp.Diff(map[string]float64{
		`requests_total{code="200",method="GET",route="customer"}`:                                              2,
		`requests_total{code="401",method="GET",route="customer"}`:                                              3,
		`requests_total{code="429",method="GET",route="customer"}`:                                              2,
		`decisions_total{authenticator="customer",decision="allow",reason="none",route="customer"}`:             2,
		`decisions_total{authenticator="customer",decision="deny",reason="bad_signature",route="customer"}`:     3,
		`decisions_total{authenticator="customer",decision="deny",reason="too_many_failures",route="customer"}`: 2,
	}, grown(before, b.metrics("requests_total", "decisions_total"))); diff != "" {
		t.Error(diff)
	}
}

// A reload changes what is answered; while Postern shuts down nothing is.
func TestForwardAuthReloads(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	if got := b.ask("GET", "/late"); got.status != http.StatusNotFound {
		t.Fatalf("%+v", got)
	}
	text, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file, []byte(strings.Replace(string(text), "match: /public", "match: /late", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.app.reload(); err != nil {
		t.Fatal(err)
	}
	if got := b.ask("GET", "/late"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if err := os.WriteFile(b.file, []byte(strings.Replace(string(text), "forward_auth:", "# ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.app.reload(); err == nil || !strings.Contains(err.Error(), "forward_auth changed: this needs a restart") {
		t.Errorf("%v", err)
	}
	b.app.handler.Drain(time.Second)
	if got := b.ask("GET", "/late"); got.header.Get("Postern-Reason") != "shutting_down" || got.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", got)
	}
}
