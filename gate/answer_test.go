package gate_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/gate"
	"postern/policy"
)

func TestAnswer(t *testing.T) {
	g := newGate(t,
		route(t, "GET /a", []string{"customer", "key", "project"}),
		route(t, "/id/{id}", []string{"customer"}, rule{request: "path.id"}),
	)
	expired := "Authorization: Bearer " + token(t, jwt.MapClaims{"sub": "ann", "exp": now.Unix() - 60})
	for _, test := range []struct {
		line   string
		header []string
		status int
		want   http.Header // beside what every answer has
		body   string
	}{
		{
			"GET /a", nil, 401,
			http.Header{"Www-Authenticate": {`Bearer realm="postern"`, `ApiKey realm="postern"`, `Token realm="postern"`}, "Postern-Reason": {"missing_credential"}},
			`{"type":"urn:postern:reason:missing_credential","title":"This route needs a credential that the request does not carry.","status":401,` +
				`"detail":"This route needs a credential that the request does not carry.","reason":"missing_credential","request_id":"id \"1\""}`,
		},
		{
			"GET /a", []string{expired}, 401,
			http.Header{
				"Www-Authenticate": {`Bearer realm="postern", error="invalid_token", error_description="The token has expired."`, `ApiKey realm="postern"`, `Token realm="postern"`},
				"Postern-Reason":   {"token_expired"},
			},
			`{"type":"urn:postern:reason:token_expired","title":"The token has expired.","status":401,` +
				`"detail":"The token has expired.","reason":"token_expired","request_id":"id \"1\"","token_expired":true}`,
		},
		{
			"GET /a", []string{"X-Api-Key: wrong"}, 401,
			http.Header{
				"Www-Authenticate": {`Bearer realm="postern"`, `ApiKey realm="postern", error="invalid_token", error_description="The token is not known here."`, `Token realm="postern"`},
				"Postern-Reason":   {"unknown_token"},
			},
			`{"type":"urn:postern:reason:unknown_token","title":"The token is not known here.","status":401,` +
				`"detail":"The token is not known here.","reason":"unknown_token","request_id":"id \"1\""}`,
		},
		{
			"GET /a", []string{"Authorization: Token a b"}, 401,
			http.Header{
				"Www-Authenticate": {`Bearer realm="postern"`, `ApiKey realm="postern"`,
					`Token realm="postern", error="invalid_token", error_description="Authorization wants the scheme Token, one space and one value without white space"`},
				"Postern-Reason": {"malformed_credential"},
			},
			`{"type":"urn:postern:reason:malformed_credential","title":"The credential is not well-formed.","status":401,` +
				`"detail":"Authorization wants the scheme Token, one space and one value without white space","reason":"malformed_credential","request_id":"id \"1\""}`,
		},
		{
			"GET /id/bob", []string{bearer(t, "ann")}, 403, http.Header{"Postern-Reason": {"identity_mismatch"}},
			`{"type":"urn:postern:reason:identity_mismatch","title":"The request names somebody else than its credential does.","status":403,` +
				`"detail":"path.id differs from customer_id","reason":"identity_mismatch","request_id":"id \"1\""}`,
		},
		{
			"POST /a", nil, 405, http.Header{"Allow": {"GET, HEAD"}, "Postern-Reason": {"method_not_allowed"}},
			`{"type":"urn:postern:reason:method_not_allowed","title":"The path is served, but not for this method.","status":405,` +
				`"detail":"The path is served, but not for this method.","reason":"method_not_allowed","request_id":"id \"1\""}`,
		},
		{
			"GET /nowhere", nil, 404, http.Header{"Postern-Reason": {"no_route"}},
			`{"type":"urn:postern:reason:no_route","title":"No route serves this path.","status":404,` +
				`"detail":"No route serves this path.","reason":"no_route","request_id":"id \"1\""}`,
		},
	} {
		body := test.body + "\n"
		want := gate.Answer{Status: test.status, Header: test.want, Body: []byte(body)}
		for name, value := range map[string]string{
			"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Length": strconv.Itoa(len(body)),
		} {
			want.Header[name] = []string{value}
		}
		if diff := cmp.Diff(want, decide(t, g, test.line, test.header...).Answer(`id "1"`)); diff != "" {
			t.Errorf("%s %.40q (-want +got):\n%s", test.line, test.header, diff)
		}
	}
}

// TestEveryReason renders each reason, wherever it comes from.
func TestEveryReason(t *testing.T) {
	g := newGate(t, route(t, "/a", []string{"customer"}))
	sent := decide(t, g, "GET /a", bearer(t, "ann"))
	for _, reason := range policy.Reasons() {
		answer := sent.Render(&policy.Denial{Reason: reason, Err: errors.New("private cause")}, "1")
		var body struct {
			Type, Title, Detail, Reason string
			Status                      int
			RequestID                   string `json:"request_id"`
			TokenExpired                *bool  `json:"token_expired"`
		}
		d := json.NewDecoder(strings.NewReader(string(answer.Body)))
		d.DisallowUnknownFields()
		if err := d.Decode(&body); err != nil {
			t.Fatalf("%v: %v", reason, err)
		}
		if body.Type != "urn:postern:reason:"+reason.String() || body.Title != reason.Title() || body.Detail == "" || body.Reason != reason.String() ||
			body.Status != reason.Status() || answer.Status != reason.Status() || body.RequestID != "1" {
			t.Errorf("%v: %d %s", reason, answer.Status, answer.Body)
		}
		if expired := body.TokenExpired != nil; expired != (reason == policy.TokenExpired) {
			t.Errorf("%v: token_expired is there: %v", reason, expired)
		}
		_, challenged := answer.Header["Www-Authenticate"]
		if want := reason.Status() == 401 || reason == policy.InsufficientScope; challenged != want {
			t.Errorf("%v: challenge %q", reason, answer.Header["Www-Authenticate"])
		}
		retry, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if unavailable := reason.Status() == 503; unavailable != (err == nil && retry > 0) {
			t.Errorf("%v: Retry-After %q", reason, answer.Header["Retry-After"])
		}
		if answer.Header.Get("Postern-Reason") != reason.String() || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %v", reason, answer.Header)
		}
		if strings.Contains(string(answer.Body), "private") {
			t.Errorf("%v shows its cause: %s", reason, answer.Body)
		}
	}
}

// TestInsufficientScopeIsChallenged is RFC 6750, section 3.1: a 403 with a
// challenge that says what is missing.
func TestInsufficientScopeIsChallenged(t *testing.T) {
	g := newGate(t, route(t, "/a", []string{"customer", "key"}))
	denial := policy.AsDenial(policy.Deny(policy.InsufficientScope, `the scope "a\b" is missing`))
	answer := decide(t, g, "GET /a", bearer(t, "ann")).Render(denial, "1")
	want := []string{`Bearer realm="postern", error="insufficient_scope", error_description="the scope 'a'b' is missing"`, `ApiKey realm="postern"`}
	if diff := cmp.Diff(want, answer.Header["Www-Authenticate"]); diff != "" || answer.Status != 403 {
		t.Errorf("%d: %s", answer.Status, diff)
	}
}

// TestAnswersGiveNothingAway looks for whatever a client sent, and for what the
// configuration keeps secret, in the answers to all kinds of bad requests.
func TestAnswersGiveNothingAway(t *testing.T) {
	const marker = "zq7marker"
	g := newGate(t,
		route(t, "/customer/{id}", []string{"customer", "key"}, rule{request: "path.id"}, rule{identity: "claims.claim", request: "query.q"}, rule{request: "header.X-Id"}, rule{request: "cookie.sid"}),
		route(t, "/widget", []string{"widget", "project", "anonymous"}, rule{request: "query.q", optional: true}),
	)
	signed := func(claims jwt.MapClaims) string { return token(t, claims) }
	good := signed(jwt.MapClaims{"sub": marker, "claim": marker})
	parts := strings.Split(good, ".")
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": marker, marker: marker}).SignedString([]byte("another secret of the same length, or so"))
	if err != nil {
		t.Fatal(err)
	}
	var credentials []string
	for _, value := range []string{
		"", marker, marker + " " + marker, good, foreign, parts[0] + "." + parts[1] + ".", "eyJhbGciOiJub25lIn0." + parts[1] + ".", good + "." + marker,
		signed(jwt.MapClaims{"sub": marker, "exp": now.Unix() - 60}), signed(jwt.MapClaims{"sub": marker, "exp": marker}),
		signed(jwt.MapClaims{"sub": []string{marker}}), signed(jwt.MapClaims{"sub": marker, "nbf": now.Unix() + 60}), signed(jwt.MapClaims{"sub": marker, "iat": now.UnixMilli()}),
	} {
		for _, scheme := range []string{"Bearer ", "JWT ", "Token ", marker + " "} {
			credentials = append(credentials, "Authorization: "+scheme+value)
		}
		credentials = append(credentials, "X-Api-Key: "+value)
	}
	var denied int
	for _, line := range []string{
		"GET /customer/x", "GET /customer/" + marker, "GET /customer/" + marker + "?q=x", "GET /customer/" + marker + "?q=" + marker, "GET /" + marker, "GET /customer/" + marker + "%2F",
		"GET /customer/x?" + marker + ";", "GET /customer/" + marker + "?Q=" + marker, "POST /widget?q=" + marker, marker + " /widget", "GET /widget?q=%zz" + marker,
	} {
		for _, credential := range credentials {
			for _, more := range []string{"X-Id: " + marker, "X_Id: " + marker, "Cookie: sid=" + marker, "Cookie: Sid=" + marker, "Connection: " + marker} {
				d := decide(t, g, line, credential, more)
				if d.Denial == nil {
					continue
				}
				denied++
				answer := d.Answer("1")
				shown := string(answer.Body) + d.Denial.Error() // which is logged
				for name, values := range answer.Header {
					shown += name + strings.Join(values, "\n")
				}
				for _, hidden := range []string{marker, parts[0], parts[1], parts[2], jwtSecret, projectToken, apiKey} {
					if strings.Contains(shown, hidden) {
						t.Fatalf("%s %q %q shows %q:\n%s", line, credential, more, hidden, shown)
					}
				}
			}
		}
	}
	if denied < 1000 {
		t.Errorf("only %d requests were denied", denied)
	}
}
