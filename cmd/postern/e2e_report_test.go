package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const reportYAML = anyPort + `
upstreams: { data: { url: "${DATA}" }, down: { url: "http://${DOWN}" } }
authenticators:
  widget-token:
    type: jwt
    from: [{ header: Authorization, scheme: JWT }, { query: token }]
    keys: { secrets: [{ id: "2026-11", value: widget-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
identity_headers: { X-Customer-Id: "{customer_id}" }
routes:
  - name: reporting
    match: /reporting
    upstream: data
    authenticate: [widget-token]
    consistency: [{ request: body.customer }]
    body_limit: 64B
    mode: report
    until: ${UNTIL}
  - { name: down, match: /down, upstream: down, authenticate: [widget-token], mode: report }
  - name: required
    match: /required
    upstream: data
    authenticate: [widget-token, anonymous]
    require: { level: customer, scopes: [chat.write], claims: { realm: customers } }
`

// A route that reports lets everything through as it came, and tells what it
// would have refused.
func TestReportMode(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, reportYAML, map[string]string{"DATA": data.URL, "UNTIL": "2099-01-01", "DOWN": deadAddress(t)})
	token := "JWT " + widgetToken(t, jwt.MapClaims{"sub": "ada"})
	if n := b.metrics("routes_reporting")["routes_reporting"]; n != 2 {
		t.Errorf("%v routes report", n)
	}
	long := `{"customer":"ada","text":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, test := range []struct {
		name, authorization, body string
		reason                    string // "" where it would be allowed
		customer                  []string
	}{
		{"right", token, `{"customer":"ada"}`, "", []string{"ada"}},
		{"no credential", "", `{"customer":"ada"}`, "missing_credential", nil},
		{"a broken credential", "JWT nonsense", `{}`, "malformed_credential", nil},
		{"another customer", token, `{"customer":"eve"}`, "identity_mismatch", nil},
		{"not JSON", token, `{"customer":`, "malformed_body", nil},
		{"over the limit", token, long, "body_too_large", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := b.request(http.MethodPost, "/reporting", strings.NewReader(test.body), "Content-Type: application/json", "X-Customer-Id: forged")
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			before := b.metrics("decisions_total")
			if got := b.exchange(r); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			got := data.next(t)
			if got.header.Get("Authorization") != test.authorization || got.body != test.body {
				t.Errorf("the backend got %q and %d bytes", got.header.Get("Authorization"), len(got.body))
			}
			if diff := cmp.Diff(test.customer, got.header["X-Customer-Id"]); diff != "" {
				t.Error(diff)
			}
			verdict, reason := "report_deny", test.reason
			if reason == "" {
				verdict, reason = "allow", "none"
			}
			if logged := b.log.next(t, "request"); logged["decision"] != verdict || logged["reason"] != reason || logged["status"] != 200.0 {
				t.Errorf("logged %v", logged)
			}
			want := map[string]float64{
				labelled("decisions_total", "authenticator", logName(test.reason), "decision", verdict, "reason", reason, "route", "reporting"): 1,
			}
			if diff := cmp.Diff(want, grown(before, b.metrics("decisions_total"))); diff != "" {
				t.Error(diff)
			}
		})
	}
	reported := func(target string, status int, reason string) {
		t.Helper()
		got := b.send(http.MethodGet, target, "Authorization: "+token)
		logged := b.log.next(t, "request")
		if got.status != status || logged["decision"] != "report_deny" || logged["reason"] != reason {
			t.Errorf("%s: %+v, logged %v", target, got, logged)
		}
	}
	reported("/reporting?token=x", http.StatusOK, "malformed_request")
	data.next(t)
	reported("/down?token=x", http.StatusBadGateway, "malformed_request")
	// What is refused before matching is refused here, too, and so is a body that
	// cannot be passed on.
	if got := b.send(http.MethodGet, "/reporting?a;b"); got.status != http.StatusBadRequest {
		t.Errorf("%+v", got)
	}
	data.expectNone(t)
}

// logName is the authenticator that a refusal is counted for.
func logName(reason string) string {
	if reason == "missing_credential" {
		return "none"
	}
	return "widget-token"
}

func TestReportModeEnds(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, reportYAML, map[string]string{"DATA": data.URL, "UNTIL": "2020-01-01", "DOWN": deadAddress(t)})
	if n := b.metrics("routes_reporting")["routes_reporting"]; n != 1 {
		t.Errorf("%v routes report", n)
	}
	if got := b.send(http.MethodPost, "/reporting"); got.status != http.StatusUnauthorized {
		t.Errorf("%+v", got)
	}
	data.expectNone(t)
}

func TestRequire(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, reportYAML, map[string]string{"DATA": data.URL, "UNTIL": "2099-01-01", "DOWN": deadAddress(t)})
	full := jwt.MapClaims{"sub": "ada", "realm": []string{"staff", "customers"}, "scope": "chat.read chat.write"}
	for _, test := range []struct {
		name   string
		change jwt.MapClaims
		status int
		reason string
	}{
		{"all", nil, 200, ""},
		{"no scope", jwt.MapClaims{"scope": "chat.read"}, 403, "insufficient_scope"},
		{"no claim", jwt.MapClaims{"realm": nil}, 401, "missing_claim"},
		{"another claim", jwt.MapClaims{"realm": "staff"}, 401, "claim_not_allowed"},
	} {
		got := b.send(http.MethodGet, "/required", "Authorization: JWT "+widgetToken(t, with(full, test.change)))
		if got.status != test.status || got.header.Get("Postern-Reason") != test.reason {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	if got := b.send(http.MethodGet, "/required"); got.status != 403 || got.header.Get("Postern-Reason") != "insufficient_level" {
		t.Errorf("%+v", got)
	}
}
