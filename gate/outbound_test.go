package gate_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/gate"
)

// outbound returns the header that the upstream receives.
func outbound(t testing.TB, g *gate.Gate, r *gate.Request) (http.Header, gate.Stripped) {
	t.Helper()
	var d gate.Decision
	g.Decide(t.Context(), r, &d)
	if d.Denial != nil {
		t.Fatalf("%s: %v", r.Target, d.Denial)
	}
	header := r.Header.Clone()
	return header, d.Outbound(header, &url.URL{})
}

func TestOutbound(t *testing.T) {
	forwarded, kept := route(t, "/forwarded", []string{"customer", "key"}), route(t, "/kept", []string{"widget"})
	yes, no := true, false
	forwarded.ForwardCredential, kept.ForwardCredential = &yes, &no
	own := route(t, "/own/{id}", []string{"customer"}, rule{request: "path.id"}, rule{request: "header.X-Id"})
	own.IdentityHeaders = templates(t, map[string]string{"X-Auth-Level": "level {level}", "X-Own": "{path.id}/{header.X-Id} in {request_id}"})
	own.IdentityHeaders["x-customer-id"] = nil
	g := newGate(t,
		forwarded, kept, own,
		route(t, "/public", []string{"anonymous"}),
		route(t, "/app", []string{"project"}),
		route(t, "/customer", []string{"customer"}),
		route(t, "/widget", []string{"widget", "key", "anonymous"}),
	)
	var (
		ann    = bearer(t, "ann")
		widget = "JWT " + token(t, jwt.MapClaims{"id": "ann"})
		odd    = bearer(t, "Zoë, 100%\r\nX-Admin: 1")
	)
	for _, test := range []struct {
		line     string
		header   []string
		want     http.Header
		stripped gate.Stripped
	}{
		{"GET /public", []string{"Accept: */*", "Cookie: a=b"}, http.Header{"Accept": {"*/*"}, "Cookie": {"a=b"}, "X-Auth-Level": {"anonymous"}}, gate.Stripped{}},
		{"GET /app", []string{"Authorization: Token " + projectToken}, http.Header{"X-Auth-Level": {"application"}}, gate.Stripped{}},
		{"GET /customer", []string{ann}, http.Header{"X-Auth-Level": {"customer"}, "X-Customer-Id": {"ann"}}, gate.Stripped{}},
		{"GET /customer", []string{odd}, http.Header{"X-Auth-Level": {"customer"}, "X-Customer-Id": {"Zo%C3%AB, 100%25%0D%0AX-Admin: 1"}}, gate.Stripped{}},

		// What a client says under a reserved name goes, however it is spelled.
		{
			"GET /public",
			[]string{"X-Customer-Id: mallory", "X-Customer-Id: eve", "X_Customer_Id: mallory", "x-customer_id: m", "X.Customer!Id: m", "X-Auth-Level: customer", "X-Own: m", "X_own: m", "X-Customer: m"},
			http.Header{"X-Auth-Level": {"anonymous"}, "X-Customer": {"m"}},
			gate.Stripped{Exact: 3, Alias: 4},
		},
		{"GET /customer", []string{ann, "X-Customer-Id: mallory", "X_CUSTOMER_ID: mallory"}, http.Header{"X-Auth-Level": {"customer"}, "X-Customer-Id": {"ann"}}, gate.Stripped{Exact: 1, Alias: 1}},

		// A credential goes, whichever authenticator of the file it is for.
		{
			"GET /public",
			[]string{ann, "Proxy-Authorization: Basic YTpi", "Proxy_Authorization: x", "X-Api-Key: " + apiKey, "X-First: 1", "X-Second:"},
			http.Header{"X-Auth-Level": {"anonymous"}}, gate.Stripped{},
		},
		{"GET /app", []string{"Authorization: Token " + projectToken, "X-Api-Key: wrong"}, http.Header{"X-Auth-Level": {"application"}}, gate.Stripped{}},
		// Or it stays exactly as it came, where it was verified and is to be forwarded.
		{
			"GET /widget", []string{"authorization: jWt " + widget[4:], "Proxy-Authorization: x", "X-First: 1"},
			http.Header{"Authorization": {"jWt " + widget[4:]}, "X-Auth-Level": {"customer"}, "X-Customer-Id": {"ann"}}, gate.Stripped{},
		},
		{"GET /widget", []string{"X-Api-Key: " + apiKey}, http.Header{"X-Auth-Level": {"application"}}, gate.Stripped{}},
		{"GET /widget", []string{"X-First: 1"}, http.Header{"X-Auth-Level": {"anonymous"}}, gate.Stripped{}},
		{"GET /kept", []string{"Authorization: " + widget}, http.Header{"X-Auth-Level": {"customer"}, "X-Customer-Id": {"ann"}}, gate.Stripped{}},
		{"GET /forwarded", []string{ann, "X-First: 1"}, http.Header{"Authorization": {ann[len("Authorization: "):]}, "X-Auth-Level": {"customer"}, "X-Customer-Id": {"ann"}}, gate.Stripped{}},
		{"GET /forwarded", []string{"X-Api-Key: " + apiKey, "Authorization: Token x"}, http.Header{"X-Api-Key": {apiKey}, "X-Auth-Level": {"application"}}, gate.Stripped{}},

		// What speaks to Postern, or of where the request came from, ends here.
		{
			"GET /public",
			[]string{
				"Connection: upgrade", "Upgrade: websocket", "Expect: 100-continue", "X-HTTP-Method-Override: DELETE", "X_HTTP_METHOD_OVERRIDE: DELETE",
				"X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
				"Forwarded: for=1", "X-Forwarded-For: 1", "X_Forwarded_For: 1", "X-Forwarded-Anything: 1", "X-Real-IP: 1", "X-Original-URL: /admin",
				"X-Original-Host: h", "X-Rewrite-Url: /admin", "X_Rewrite_URL: /admin", "X-Request-Id: 1", "X-Forward: kept",
				"Client-Cert: :MIIB:", "Client-Cert-Chain: :MIIC:", "CLIENT_CERT: :MIIB:", "client.cert.chain: :MIIC:", "Client-Certificate: kept",
			},
			http.Header{"X-Auth-Level": {"anonymous"}, "X-Forward": {"kept"}, "Client-Certificate": {"kept"}}, gate.Stripped{},
		},

		// The route's own headers, with parts of the request that its rules compare.
		{
			"GET /own/%61nn", []string{ann, "X-Id: ann", "X-Id: ann", "X-Customer-Id: mallory", "X-Own: mallory"},
			http.Header{"X-Auth-Level": {"level customer"}, "X-Id": {"ann", "ann"}, "X-Own": {"ann/ann in request-1"}}, gate.Stripped{Exact: 2},
		},
	} {
		got, stripped := outbound(t, g, request(t, test.line, test.header...))
		if diff := cmp.Diff(test.want, got); diff != "" || stripped != test.stripped {
			t.Errorf("%s %.80q: stripped %+v\n%s", test.line, test.header, stripped, diff)
		}
	}
}

func TestReservedTrailers(t *testing.T) {
	g := newGate(t, route(t, "/public", []string{"anonymous"}))
	d := decide(t, g, "POST /public")
	trailer := http.Header{"X-Customer-Id": nil, "X_customer_id": nil, "X-Checksum": nil, "Authorization": nil}
	if got := d.ReservedTrailers(trailer); got != 2 {
		t.Errorf("%d of %v", got, trailer)
	}
}

func TestOutboundChangesNothingOfTheRequest(t *testing.T) {
	g := newGate(t, route(t, "/customer", []string{"customer"}))
	r := request(t, "GET /customer", bearer(t, "ann"), "X-Customer-Id: mallory", "Accept: */*")
	before := r.Header.Clone()
	outbound(t, g, r)
	if diff := cmp.Diff(before, r.Header); diff != "" {
		t.Error(diff)
	}
	// Nor does one request see what another one's upstream header became.
	first, _ := outbound(t, g, r)
	first.Add("X-Customer-Id", "mallory")
	second, _ := outbound(t, g, r)
	if got := second["X-Customer-Id"]; !cmp.Equal(got, []string{"ann"}) {
		t.Errorf("%q", got)
	}
}
