package gate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/gate"
	"postern/policy"
)

func formats() map[string]*policy.DenialFormat {
	return map[string]*policy.DenialFormat{
		"default": policy.NewDenialFormat(&policy.DenialSettings{ContentType: "text/plain", Body: "{reason}"}),
		"own": policy.NewDenialFormat(&policy.DenialSettings{
			ContentType: "application/json", Body: `{"code":"{code}"}`,
			Status: map[string]int{"identity_mismatch": 401, "missing_credential": 403},
			Codes:  map[string]string{"identity_mismatch": "401-02"},
		}),
	}
}

// TestAnswerFormats: a route's format, then the default one, which also serves
// what has no route.
func TestAnswerFormats(t *testing.T) {
	own := route(t, "/own", []string{"customer"})
	own.Denials = "own"
	plain := route(t, "/plain", []string{"customer"})
	withDefault := newGateFor(t, nil, formats(), own, plain)
	named := formats()
	delete(named, "default")
	withoutDefault := newGateFor(t, nil, named, own, plain)

	type answer struct{ Type, Body string }
	for _, test := range []struct {
		gate *gate.Gate
		line string
		want answer
	}{
		{withDefault, "GET /own", answer{"application/json", `{"code":"403"}`}},
		{withDefault, "GET /plain", answer{"text/plain", "missing_credential"}},
		{withDefault, "GET /nowhere", answer{"text/plain", "no_route"}},
		{withDefault, "GET /own//", answer{"text/plain", "ambiguous_path"}},
		{withoutDefault, "GET /own", answer{"application/json", `{"code":"403"}`}},
	} {
		got := decide(t, test.gate, test.line).Answer("1")
		if diff := cmp.Diff(test.want, answer{got.Header.Get("Content-Type"), string(got.Body)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.line, diff)
		}
	}
	for _, line := range []string{"GET /plain", "GET /nowhere"} {
		if got := decide(t, withoutDefault, line).Answer("1").Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %s", line, got)
		}
	}
	var early gate.Decision
	withDefault.Begin(request(t, "GET /own"), &early)
	if got := string(early.Render(&policy.Denial{Reason: policy.ShuttingDown}, "1").Body); got != "shutting_down" {
		t.Errorf("before a decision: %s", got)
	}
}

// TestHeadersOfEveryFormat: nothing but status, type and body may differ.
func TestHeadersOfEveryFormat(t *testing.T) {
	own := route(t, "/own", []string{"customer"})
	own.Denials = "own"
	g := newGateFor(t, nil, formats(), own, route(t, "/plain", []string{"customer"}))
	bare := newGateFor(t, nil, nil, route(t, "/plain", []string{"customer"}))
	for _, reason := range policy.Reasons() {
		denial := &policy.Denial{Reason: reason}
		if reason == policy.MethodNotAllowed {
			denial.Allow = "GET"
		}
		want := decide(t, bare, "GET /plain", bearer(t, "ann")).Render(denial, "1").Header
		for _, line := range []string{"GET /own", "GET /plain"} {
			answer := decide(t, g, line, bearer(t, "ann")).Render(denial, "1")
			if got := answer.Header.Get("Content-Length"); got != strconv.Itoa(len(answer.Body)) {
				t.Errorf("%s %v: Content-Length %s", line, reason, got)
			}
			expected := want.Clone()
			for _, name := range []string{"Content-Type", "Content-Length"} {
				expected[name] = answer.Header[name]
			}
			if answer.Status == http.StatusUnauthorized && reason == policy.IdentityMismatch {
				// RFC 9110, section 15.5.2: a 401 has a challenge.
				expected["Www-Authenticate"] = []string{`Bearer realm="postern"`}
			}
			if diff := cmp.Diff(expected, answer.Header); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", line, reason, diff)
			}
		}
	}
}

// TestFormatsGiveNothingAway sends a marker in every part of a request, to a
// route whose format shows all that a format can.
func TestFormatsGiveNothingAway(t *testing.T) {
	const marker = "zq7marker"
	everything := `"{reason} {detail} {title} {status} {request_id} {token_expired} {code}"`
	settings := route(t, "/customer/{id}", []string{"customer", "key"}, rule{request: "path.id"}, rule{request: "query.q"}, rule{request: "header.X-Id"})
	g := newGateFor(t, corsSettings(), map[string]*policy.DenialFormat{
		"default": policy.NewDenialFormat(&policy.DenialSettings{ContentType: "application/json", Body: everything}),
	}, settings)
	expired := token(t, jwt.MapClaims{"sub": marker, marker: marker, "exp": now.Unix() - 60})
	denied := map[policy.Reason]bool{}
	for _, line := range []string{"GET /customer/" + marker, "GET /customer/x?q=" + marker, "GET /" + marker, "GET /customer/x%00" + marker, "OPTIONS /customer/" + marker} {
		for _, credential := range []string{"Authorization: " + marker, "Authorization: Bearer " + marker, "Authorization: Bearer " + expired, bearer(t, marker), "X-Api-Key: " + marker} {
			for _, more := range []string{"X-Id: " + marker, "X_Id: " + marker, "Origin: https://" + marker, "Access-Control-Request-Method: " + marker + "\r\nOrigin: https://" + marker} {
				d := decide(t, g, line, credential, more)
				if d.Denial == nil {
					t.Errorf("%s %q %q was allowed", line, credential, more)
					continue
				}
				denied[d.Denial.Reason] = true
				answer := d.Answer("1")
				shown := string(answer.Body) + fmt.Sprint(answer.Header)
				for _, hidden := range []string{marker, expired, jwtSecret, projectToken, apiKey} {
					if strings.Contains(shown, hidden) {
						t.Fatalf("%s %q %q shows %q:\n%s", line, credential, more, hidden, shown)
					}
				}
				if !json.Valid(answer.Body) {
					t.Errorf("%s", answer.Body)
				}
			}
		}
	}
	if len(denied) < 8 {
		t.Errorf("only %v were met", denied)
	}
}
