package gate_test

import (
	"bufio"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"postern/gate"
	"postern/policy"
)

// FuzzDecide sends requests of any method, target and header, some of them with
// a good credential. Whatever is allowed must reach the upstream with the
// verified customer and nobody else under any spelling of the header, and with
// no credential.
func FuzzDecide(f *testing.F) {
	g := newGate(f,
		route(f, "GET /customers/{id}", []string{"customer"}, rule{request: "path.id"}),
		route(f, "/chat/", []string{"widget", "key", "anonymous"}, rule{request: "query.id", optional: true}),
		route(f, "/app/{project}/{rest...}", []string{"project", "two"}, rule{identity: "attributes.project", request: "path.project"}),
		route(f, "/public/", []string{"anonymous"}),
	)
	credentials := []string{
		"", bearer(f, "ann"), "Authorization: JWT " + token(f, jwt.MapClaims{"id": "ann"}), "Authorization: Token " + projectToken,
		"X-Api-Key: " + apiKey, "X-First: " + apiKey, bearer(f, "Zo\u00eb"),
	}
	for i, seed := range []struct{ method, target, header string }{
		{"GET", "/public/x", "X-Customer-Id: mallory\r\nX_Customer_Id: mallory"},
		{"GET", "/customers/ann", "x-customer-ID: bob\r\nX.Customer.Id: bob"},
		{"POST", "/chat/a?id=ann", "X_API_KEY: a\r\nConnection: close"},
		{"GET", "/app/acme/a/b", "Authorization: Bearer x\r\nX-Second: y"},
		{"GET", "/chat/", "X-Api-Key:\r\nProxy-Authorization: Basic YTpi"},
		{"GET", "/public/%2e", "X-First: 1"},
		{"GET", "/customers/Zo%C3%AB", "Cookie: X-Customer-Id=mallory"},
		{"GET", "http://example.com/public/", "authorization: x"},
	} {
		f.Add(seed.method, seed.target, seed.header, byte(i))
	}
	f.Fuzz(func(t *testing.T, method, target, header string, credential byte) {
		lines := method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n"
		if line := credentials[int(credential)%len(credentials)]; line != "" {
			lines += line + "\r\n"
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(lines + header + "\r\n\r\n")))
		if err != nil {
			return
		}
		var d gate.Decision
		g.Decide(t.Context(), &gate.Request{Method: r.Method, Host: r.Host, Target: r.RequestURI, URL: r.URL, Header: r.Header, Time: now, ID: "1"}, &d)
		if d.Denial != nil {
			if d.Denial.Reason == policy.Internal {
				t.Errorf("our own fault: %v", d.Denial)
			}
			if answer := d.Answer("1"); answer.Status < 400 {
				t.Errorf("a denial with status %d", answer.Status)
			}
			return
		}
		checkUpstreamHeader(t, &d, r.Header)
	})
}

func checkUpstreamHeader(t *testing.T, d *gate.Decision, sent http.Header) {
	t.Helper()
	header := sent.Clone()
	d.Outbound(header, &url.URL{})
	var want []string
	switch d.Verified.Customer {
	case "ann":
		want = []string{"ann"}
	case "Zo\u00eb":
		want = []string{"Zo%C3%AB"}
	case nil:
	default:
		t.Errorf("nobody's token is for %v", d.Verified.Customer)
	}
	for name, values := range header {
		if policy.CanonicalAlias(name) == "X-Customer-Id" && name != "X-Customer-Id" {
			t.Errorf("the upstream may read %s: %q as the customer", name, values)
		}
	}
	if got := header["X-Customer-Id"]; !slices.Equal(got, want) {
		t.Errorf("X-Customer-Id: %q, want %q", got, want)
	}
	if got, want := header["X-Auth-Level"], []string{d.Verified.Level.String()}; !slices.Equal(got, want) {
		t.Errorf("X-Auth-Level: %q, want %q", got, want)
	}
	for _, carrier := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key", "X-First", "X-Second"} {
		// The widget's credential is to be forwarded, as it came.
		if forwarded := d.Authenticator == "widget" && carrier == "Authorization"; forwarded {
			if !slices.Equal(header[carrier], sent[carrier]) {
				t.Errorf("%s came as %q and is forwarded as %q", carrier, sent[carrier], header[carrier])
			}
			continue
		}
		for name, values := range header {
			if policy.CanonicalAlias(name) == carrier {
				t.Errorf("the upstream sees the credential %s: %q", name, values)
			}
		}
	}
}
