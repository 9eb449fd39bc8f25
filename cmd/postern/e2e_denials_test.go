package main

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// formatsYAML has a route in the format of each system whose clients know no
// other, and the default for the rest.
const formatsYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, trusted_proxies: [127.0.0.1/32] }
admin: { listen: "127.0.0.1:0" }
upstreams:
  data: { url: "${DATA}" }
  dead: { url: "http://${DEAD}" }
authenticators:
  customer:
    type: jwt
    keys: { secrets: [{ id: k1, value: customer-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
  agent:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: k1, value: customer-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
denials:
  default: { content_type: application/vnd.api+json, body: '{"errors":[{"id":"{request_id}","status":"{status}","code":"{reason}"}]}' }
  exponea: { body: '{"success":false,"error":"{title}","token_expired":{token_expired}}' }
  tiledesk: { content_type: text/plain, body: Unauthorized }
  tiledesk-project: { body: '{"success":false,"msg":"{title}"}' }
  asapp:
    body: '{"error":{"requestId":"{request_id}","code":"{code}","message":"{title}"}}'
    status: { upstream_unreachable: 503 }
    codes: { missing_credential: 401-01, token_expired: 401-01, upstream_unreachable: 503-01 }
  braze:
    body: '{"auth_error":{"error_code":{code},"reason":"{detail}"}}'
    status: { identity_mismatch: 401 }
    codes: { missing_credential: 26, token_expired: 22, identity_mismatch: 28 }
routes:
  - { match: "/exponea", upstream: data, authenticate: [customer], denials: exponea }
  - { match: "/tiledesk", upstream: data, authenticate: [agent], denials: tiledesk }
  - match: /tiledesk/{project}
    upstream: data
    authenticate: [agent]
    denials: tiledesk-project
    consistency: [{ request: path.project, identity: claims.project }]
  - { match: "/asapp", upstream: data, authenticate: [customer], denials: asapp }
  - { match: "/asapp/dead", upstream: dead, authenticate: [customer], denials: asapp }
  - match: /braze/{id}
    upstream: data
    authenticate: [customer]
    denials: braze
    consistency: [{ request: path.id }]
  - { match: "GET /plain", upstream: dead, authenticate: [anonymous] }
  - { match: "/hung", upstream: data, authenticate: [anonymous] }
`

func TestDenialFormats(t *testing.T) {
	data := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	b := start(t, formatsYAML, map[string]string{"DATA": data.URL, "DEAD": deadAddress(t)})
	customer := func(scheme string, claims jwt.MapClaims) string {
		claims = with(jwt.MapClaims{"sub": "ada", "exp": fromNow(time.Hour)}, claims)
		return "Authorization: " + scheme + " " + signed(t, jwt.SigningMethodHS256, "", []byte("customer-secret-of-thirty-two-bytes"), claims)
	}
	expired := jwt.MapClaims{"exp": fromNow(-time.Hour)}
	const (
		plain    = "application/json"
		bearer   = `Bearer realm="postern"`
		agent    = `JWT realm="postern"`
		badToken = `, error="invalid_token", error_description="The token has expired."`
	)
	type denial struct {
		Status                                           int
		Type, Body, Reason, Challenge, Allow, RetryAfter string
	}
	for _, test := range []struct {
		method, target string
		fields         []string
		want           denial
	}{
		{"GET", "/exponea", []string{customer("Bearer", expired)},
			denial{401, plain, `{"success":false,"error":"The token has expired.","token_expired":true}`, "token_expired", bearer + badToken, "", ""}},
		{"GET", "/exponea", nil,
			denial{401, plain, `{"success":false,"error":"This route needs a credential that the request does not carry.","token_expired":false}`, "missing_credential", bearer, "", ""}},
		{"GET", "/tiledesk", []string{customer("JWT", expired)}, denial{401, "text/plain", "Unauthorized", "token_expired", agent + badToken, "", ""}},
		{"HEAD", "/tiledesk", nil, denial{401, "text/plain", "", "missing_credential", agent, "", ""}},
		{"GET", "/tiledesk/p2", []string{customer("JWT", jwt.MapClaims{"project": "p1"})},
			denial{403, plain, `{"success":false,"msg":"The request names somebody else than its credential does."}`, "identity_mismatch", "", "", ""}},
		{"GET", "/asapp", nil,
			denial{401, plain, `{"error":{"requestId":"id-1","code":"401-01","message":"This route needs a credential that the request does not carry."}}`, "missing_credential", bearer, "", ""}},
		{"GET", "/asapp/dead", []string{customer("Bearer", nil)},
			denial{503, plain, `{"error":{"requestId":"id-1","code":"503-01","message":"The backend cannot be reached."}}`, "upstream_unreachable", "", "", ""}},
		{"GET", "/braze/eve", []string{customer("Bearer", nil)},
			denial{401, plain, `{"auth_error":{"error_code":28,"reason":"path.id differs from customer_id"}}`, "identity_mismatch", bearer, "", ""}},
		{"GET", "/braze/ada", []string{customer("Bearer", jwt.MapClaims{"sub": ""})},
			denial{401, plain, `{"auth_error":{"error_code":401,"reason":"claims.sub names no customer"}}`, "missing_claim",
				bearer + `, error="invalid_token", error_description="claims.sub names no customer"`, "", ""}},
		{"GET", "/nowhere", nil, denial{404, "application/vnd.api+json", `{"errors":[{"id":"id-1","status":"404","code":"no_route"}]}`, "no_route", "", "", ""}},
		{"PUT", "/plain", nil, denial{405, "application/vnd.api+json", `{"errors":[{"id":"id-1","status":"405","code":"method_not_allowed"}]}`, "method_not_allowed", "", "GET, HEAD", ""}},
		{"GET", "/plain", nil, denial{502, "application/vnd.api+json", `{"errors":[{"id":"id-1","status":"502","code":"upstream_unreachable"}]}`, "upstream_unreachable", "", "", ""}},
		{"GET", "/a//b", nil, denial{400, "application/vnd.api+json", `{"errors":[{"id":"id-1","status":"400","code":"ambiguous_path"}]}`, "ambiguous_path", "", "", ""}},
	} {
		got := b.send(test.method, test.target, append(test.fields, "X-Request-Id: id-1")...)
		h := got.header
		seen := denial{got.status, h.Get("Content-Type"), got.body, h.Get("Postern-Reason"), h.Get("Www-Authenticate"), h.Get("Allow"), h.Get("Retry-After")}
		if diff := cmp.Diff(test.want, seen); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.method, test.target, diff)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %v", test.method, test.target, h)
		}
		expectRefusal(t, b, got, test.want.Status, test.want.Reason) // the log has the status that was sent
	}
	data.expectNone(t)
	if got := b.metrics("requests_total")[`requests_total{code="503",method="GET",route="/asapp/dead"}`]; got != 1 {
		t.Errorf("counted %v answers with the status that was sent", b.metrics("requests_total"))
	}

	// Refused before any decision, it still looks like the rest.
	_, _ = io.WriteString(dial(t, b.address), "GET /hung HTTP/1.1\r\nHost: postern\r\n\r\n")
	data.next(t)
	b.interrupt()
	b.log.next(t, "refusing requests")
	got := b.send("GET", "/exponea", "X-Request-Id: id-1")
	want := `{"errors":[{"id":"id-1","status":"503","code":"shutting_down"}]}`
	if got.status != 503 || got.body != want || got.header.Get("Retry-After") == "" {
		t.Errorf("while shutting down: %+v", got)
	}
}
