package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const crossOriginYAML = anyPort + `
upstreams:
  data: { url: "${DATA}" }
  dead: { url: "http://${DEAD}" }
authenticators:
  customer:
    type: jwt
    keys: { secrets: [{ id: k1, value: customer-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
cors:
  origins: ["https://shop.example.com", "http://localhost:8080"]
  methods: [GET, POST, PATCH]
  max_age: 1h
routes:
  - { match: "/chat/", upstream: data, authenticate: [customer] }
  - { match: "/dead", upstream: dead, authenticate: [anonymous] }
  - match: /session
    upstream: data
    authenticate: [customer]
    cors: { origins: "https://shop.example.com", credentials: true, max_age: 0s }
  - match: /public
    upstream: data
    authenticate: [anonymous]
    cors: { origins: "*", headers: [] }
  - { match: "OPTIONS /discover", upstream: data, authenticate: [anonymous] }
`

func startCrossOrigin(t *testing.T) (*testbed, *spy) {
	data := newSpy(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "DELETE")
		h.Set("Access-Control-Expose-Headers", "X-Total")
		h.Set("Vary", "Accept-Encoding")
		w.WriteHeader(http.StatusCreated)
	})
	return start(t, crossOriginYAML, map[string]string{"DATA": data.URL, "DEAD": deadAddress(t)}), data
}

// The headers of a preflight as browsers send them, without the questions.
var (
	chromium = []string{
		"Accept: */*", "Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-GB,en;q=0.9", "Connection: keep-alive",
		"Referer: https://shop.example.com/", "Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-site",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	}
	firefox = []string{
		"Accept: */*", "Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-GB,en;q=0.5", "Connection: keep-alive",
		"Referer: https://shop.example.com/", "Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-site", "Priority: u=4",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
	}
)

func asks(browser []string, origin, method, headers string) []string {
	fields := append(browser[:len(browser):len(browser)], "Origin: "+origin, "Access-Control-Request-Method: "+method)
	if headers != "" {
		fields = append(fields, "Access-Control-Request-Headers: "+headers)
	}
	return fields
}

func TestBrowsersPreflights(t *testing.T) {
	b, data := startCrossOrigin(t)
	const shop = "https://shop.example.com"
	vary := []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	usual := http.Header{
		"Vary": vary, "Access-Control-Allow-Origin": {shop}, "Access-Control-Allow-Methods": {"GET, POST, PATCH"},
		"Access-Control-Allow-Headers": {"Authorization, Content-Type"}, "Access-Control-Max-Age": {"3600"},
	}
	for _, test := range []struct {
		target string
		fields []string
		want   http.Header // nil where the browser must hear no
	}{
		{"/chat/1", asks(chromium, shop, "POST", "authorization,content-type"), usual},
		{"/chat/1", asks(firefox, shop, "PATCH", "authorization,content-type"), usual},
		{"/chat/1?a=b", asks(chromium, shop, "GET", "authorization"), usual},
		{"/session", asks(chromium, shop, "POST", "content-type"), http.Header{
			"Vary": vary, "Access-Control-Allow-Origin": {shop}, "Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Methods": {"GET, HEAD, POST"}, "Access-Control-Allow-Headers": {"Authorization, Content-Type"}, "Access-Control-Max-Age": {"0"},
		}},
		{"/public", asks(firefox, "null", "POST", ""), http.Header{
			"Vary": vary, "Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Methods": {"GET, HEAD, POST"}, "Access-Control-Max-Age": {"600"},
		}},
		{"/chat/1", asks(chromium, "https://evil.example", "POST", "authorization"), nil},
		{"/chat/1", asks(chromium, shop, "DELETE", "authorization"), nil},
		{"/chat/1", asks(chromium, shop, "POST", "authorization,x-customer-id"), nil},
		{"/session", asks(chromium, "http://localhost:8080", "POST", "content-type"), nil},
		{"/discover", asks(chromium, shop, "PATCH", ""), nil}, // the backend's own OPTIONS is no way around
		{"/nowhere", asks(chromium, shop, "POST", ""), nil},
		{"/chat/%2e%2e/session", asks(chromium, shop, "POST", ""), nil},
	} {
		got := b.send(http.MethodOptions, test.target, test.fields...)
		logged := b.log.next(t, "request")
		if test.want == nil {
			if got.status/100 == 2 {
				t.Errorf("%s %q: %d: a browser goes on after any 2xx", test.target, test.fields, got.status)
			}
			if logged["decision"] != "deny" {
				t.Errorf("%s %q: logged %v", test.target, test.fields, logged)
			}
			continue
		}
		delete(got.header, "Date")
		if diff := cmp.Diff(answer{status: 204, header: test.want, body: ""}, got, cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", test.target, test.fields, diff)
		}
		if logged["decision"] != "allow" || logged["reason"] != "none" || logged["status"] != 204.0 {
			t.Errorf("%s %q: logged %v", test.target, test.fields, logged)
		}
	}
	data.expectNone(t)
}

// An OPTIONS that is no preflight is a request like any other.
func TestOptionsNeedACredential(t *testing.T) {
	b, data := startCrossOrigin(t)
	for _, fields := range [][]string{
		nil, {"Origin: https://shop.example.com"}, {"Access-Control-Request-Method: POST"},
		{"Origin: https://shop.example.com", "Origin: https://shop.example.com", "Access-Control-Request-Method: POST"},
		{"Origin: https://shop.example.com", "access_control_request_method: POST"},
	} {
		expectRefusal(t, b, b.send(http.MethodOptions, "/chat/1", fields...), 401, "missing_credential")
	}
	data.expectNone(t)
	if got := b.send(http.MethodOptions, "/discover"); got.status != http.StatusCreated || data.next(t).method != http.MethodOptions {
		t.Errorf("the route's own OPTIONS: %+v", got)
	}
}

// What follows a preflight: the page may read the answer, whoever gave it, and
// the backend's own words about origins do not count.
func TestAnswersAcrossOrigins(t *testing.T) {
	b, _ := startCrossOrigin(t)
	const shop, exposed = "https://shop.example.com", "Postern-Reason, Retry-After, WWW-Authenticate"
	token := signed(t, jwt.SigningMethodHS256, "", []byte("customer-secret-of-thirty-two-bytes"), jwt.MapClaims{"sub": "ada", "exp": fromNow(time.Hour)})
	credential := "Authorization: Bearer " + token
	readable := func(vary ...string) http.Header {
		return http.Header{"Vary": vary, "Access-Control-Allow-Origin": {shop}, "Access-Control-Expose-Headers": {exposed}}
	}
	ofBackend := readable("Accept-Encoding", "Origin")
	ofBackend["Access-Control-Expose-Headers"] = []string{exposed, "X-Total"}
	withCookies := ofBackend.Clone()
	withCookies.Set("Access-Control-Allow-Credentials", "true")
	hidden := func(vary ...string) http.Header { return http.Header{"Vary": vary} }
	for _, test := range []struct {
		method, target string
		fields         []string
		status         int
		want           http.Header
	}{
		{"POST", "/chat/1", []string{"Origin: " + shop, credential}, 201, ofBackend},
		{"GET", "/session", []string{"Origin: " + shop, credential}, 201, withCookies},
		{"GET", "/public", []string{"Origin: null"}, 201, http.Header{
			"Vary": {"Accept-Encoding"}, "Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {exposed, "X-Total"},
		}},
		{"POST", "/chat/1", []string{credential}, 201, hidden("Accept-Encoding", "Origin")},
		{"POST", "/chat/1", []string{"Origin: https://evil.example", credential}, 201, hidden("Accept-Encoding", "Origin")},

		{"POST", "/chat/1", []string{"Origin: " + shop}, 401, readable("Origin")},
		{"GET", "/dead", []string{"Origin: " + shop}, 502, readable("Origin")},
		{"GET", "/nowhere", []string{"Origin: " + shop}, 404, readable("Origin")},
		{"POST", "/chat/1", []string{"Origin: https://evil.example"}, 401, hidden("Origin")},
		{"POST", "/chat/1", nil, 401, hidden("Origin")},
	} {
		got := b.send(test.method, test.target, test.fields...)
		seen := http.Header{}
		for _, name := range []string{"Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
			"Access-Control-Allow-Methods", "Access-Control-Expose-Headers"} {
			if values := got.header[name]; values != nil {
				seen[name] = values
			}
		}
		if diff := cmp.Diff(test.want, seen); diff != "" || got.status != test.status {
			t.Errorf("%s %s %q: %d (-want +got):\n%s", test.method, test.target, test.fields, got.status, diff)
		}
	}
}
