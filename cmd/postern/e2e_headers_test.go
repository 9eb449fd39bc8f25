package main

import (
	"bufio"
	_ "embed"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

//go:embed testdata/e2e/headers.yaml
var headersYAML string

func widgetToken(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, "", []byte("widget-secret-of-thirty-two-bytes"), with(jwt.MapClaims{"exp": fromNow(time.Hour)}, claims))
}

// alike returns the fields that a backend might take for one of the names.
func alike(header http.Header, names ...string) http.Header {
	found := http.Header{}
	for name, values := range header {
		for _, want := range names {
			if policy.CanonicalAlias(name) == want {
				found[name] = values
			}
		}
	}
	return found
}

// identityFields are all names that headers.yaml configures anywhere.
var identityFields = []string{"X-Customer-Id", "X-Customer-Email", "X-Auth-Level", "X-Project"}

func TestIdentityHeaders(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, headersYAML, map[string]string{"DATA": data.URL, "TRUSTED": "[]"})
	forged := []string{
		"X-Customer-Id: eve", "X-Customer-Id: mallory", "x-customer-id: eve", "X-CUSTOMER-EMAIL: eve@example.com", "X-Project: forged",
		"X_Customer_Id: eve", "X-Customer_Id: eve", "x.customer.id: eve", "X!Customer~Id: eve", "X_AUTH_LEVEL: customer", "X-Auth-Level: customer",
	}
	token := widgetToken(t, jwt.MapClaims{"sub": "ada, 100% \u00e9\r\n", "email": "ada@example.com"})
	verified := http.Header{
		"X-Customer-Id":    {"ada, 100%25 %C3%A9%0D%0A"},
		"X-Customer-Email": {"ada@example.com"},
		"X-Auth-Level":     {"customer"},
	}
	for _, test := range []struct {
		name, target string
		fields       []string
		want         http.Header
	}{
		{"public", "/public", nil, http.Header{"X-Auth-Level": {"anonymous"}}},
		{"public with a credential", "/public", []string{"Authorization: JWT " + token}, http.Header{"X-Auth-Level": {"anonymous"}}},
		{"anonymous", "/either", nil, http.Header{"X-Auth-Level": {"anonymous"}}},
		{"customer", "/widget", []string{"Authorization: JWT " + token}, verified},
		{"customer, from the cache", "/widget", []string{"Authorization: JWT " + token}, verified},
		{"no email", "/widget", []string{"Authorization: JWT " + widgetToken(t, jwt.MapClaims{"sub": "42"})},
			http.Header{"X-Customer-Id": {"42"}, "X-Auth-Level": {"customer"}}},
		{"application", "/projects/acme", []string{"Authorization: Token project-secret"}, http.Header{"X-Project": {"project-token"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := b.metrics("stripped_headers_total")
			if got := b.send(http.MethodGet, test.target, append(test.fields, forged...)...); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			if diff := cmp.Diff(test.want, alike(data.next(t).header, identityFields...)); diff != "" {
				t.Errorf("the backend was told (-want +got):\n%s", diff)
			}
			b.log.next(t, "request")
			// By name: four in their own spelling, which net/http restores, and five in another.
			want := map[string]float64{`stripped_headers_total{kind="exact"}`: 4, `stripped_headers_total{kind="alias"}`: 5}
			if diff := cmp.Diff(want, grown(before, b.metrics("stripped_headers_total"))); diff != "" {
				t.Errorf("stripped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIdentityInTrailers(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, headersYAML, map[string]string{"DATA": data.URL, "TRUSTED": "[]"})
	for name, announced := range map[string]string{"announced": "Trailer: X-Customer-Id, X-Checksum\r\n", "not announced": ""} {
		t.Run(name, func(t *testing.T) {
			before := b.metrics("stripped_headers_total")
			connection := dial(t, b.address)
			_, _ = io.WriteString(connection, "POST /public HTTP/1.1\r\nHost: postern\r\nTE: trailers\r\n"+announced+
				"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Customer-Id: eve\r\nX-Checksum: 1\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatal(response, err)
			}
			got := data.next(t)
			if got.body != "hello" || len(got.trailer) > 0 || len(alike(got.header, "X-Customer-Id", "X-Checksum", "Trailer")) > 0 {
				t.Errorf("the backend received %+v", got)
			}
			b.log.next(t, "request")
			want := map[string]float64{}
			if announced != "" {
				want[`stripped_headers_total{kind="trailer"}`] = 1
			}
			if diff := cmp.Diff(want, grown(before, b.metrics("stripped_headers_total"))); diff != "" {
				t.Errorf("stripped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialsOnTheirWay(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, headersYAML, map[string]string{"DATA": data.URL, "TRUSTED": "[]"})
	jwt := "Authorization: jWt " + widgetToken(t, jwt.MapClaims{"sub": "ada"})
	_, credential, _ := strings.Cut(jwt, ": ")
	for _, test := range []struct {
		name, target string
		fields       []string
		want         http.Header
	}{
		{"removed", "/projects/acme", []string{"Authorization: Token project-secret"}, http.Header{}},
		{"removed on a public route", "/public", []string{jwt, "X-Api-Key: key-secret"}, http.Header{}},
		{"forwarded as it came", "/widget", []string{jwt}, http.Header{"Authorization": {credential}}},
		{"only the verified one", "/widget", []string{jwt, "X-Api-Key: key-secret", "Proxy-Authorization: Basic YTpi"}, http.Header{"Authorization": {credential}}},
		{"by the route", "/key", []string{"X-Api-Key: key-secret", jwt}, http.Header{"X-Api-Key": {"key-secret"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := b.send(http.MethodGet, test.target, test.fields...); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			if diff := cmp.Diff(test.want, alike(data.next(t).header, "Authorization", "Proxy-Authorization", "X-Api-Key")); diff != "" {
				t.Errorf("the backend was given (-want +got):\n%s", diff)
			}
		})
	}
	for _, alias := range []string{"X_Api_Key: key-secret", "X.Authenticator: project-token", "X_AUTHENTICATOR: project-token"} {
		got := b.send(http.MethodGet, "/projects/acme", "Authorization: Token project-secret", alias)
		if got.status != http.StatusBadRequest || got.header.Get("Postern-Reason") != "malformed_request" {
			t.Errorf("%s: %+v", alias, got)
		}
	}
	data.expectNone(t)
}

// forwardingFields are the ones that proxies use among themselves.
var forwardingFields = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-User",
	"X-Real-Ip", "X-Original-Url", "X-Original-Host", "X-Rewrite-Url", "X-Request-Id",
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert"}

// What carries a credential or is stripped ends at Postern, whoever sent it and
// whatever its name.
func TestForwardingHeadersThatAreMore(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, strings.Replace(anyPort, "shutdown_delay", "trusted_proxies: [127.0.0.1], shutdown_delay", 1)+`
strip: { headers: [X-Forwarded-Email] }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  front: { type: token, header: X-Forwarded-Access-Token, scheme: "", tokens: [{ id: a, value: front-secret }] }
routes:
  - { name: public, match: /public, upstream: data, authenticate: [anonymous] }
  - { name: guarded, match: /guarded, upstream: data, authenticate: [front] }
`, map[string]string{"DATA": data.URL})
	for _, path := range []string{"/public", "/guarded"} {
		if got := b.send(http.MethodGet, path, "X-Forwarded-Access-Token: front-secret", "X-Forwarded-Email: eve@x", "X-Forwarded-Prefix: /shop"); got.status != http.StatusOK {
			t.Errorf("%+v", got)
		}
		got := alike(data.next(t).header, "X-Forwarded-Access-Token", "X-Forwarded-Email", "X-Forwarded-Prefix")
		if diff := cmp.Diff(http.Header{"X-Forwarded-Prefix": {"/shop"}}, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestForwardingHeaders(t *testing.T) {
	data := newSpy(t, nil)
	sent := []string{
		"Host: shop.example", "X-Forwarded-For: 6.6.6.6, 203.0.113.9", "X-Forwarded-For: 10.1.1.1", "X-Forwarded-Host: front.example",
		"X-Forwarded-Proto: https", "X-Forwarded-Prefix: /shop", "X-Real-Ip: 203.0.113.9", "X-Original-Url: /admin", "X-Rewrite-Url: /admin",
		"X-Request-Id: from-the-front", "X-HTTP-Method-Override: DELETE", "X-Http-Method: DELETE", "X-Method-Override: DELETE",
		"X_Forwarded_For: 6.6.6.6", "X_Real_IP: 6.6.6.6", "X.Original.Url: /admin", "X_HTTP_METHOD_OVERRIDE: DELETE", "X_Request_Id: alias",
		"Client-Cert: :MIIB:", "Client-Cert-Chain: :MIIC:", "CLIENT_CERT: :MIIB:", "client.cert.chain: :MIIC:", "X_Forwarded_Client_Cert: forged",
	}
	for _, test := range []struct {
		name, trusted string
		sent          []string
		client        string
		want          http.Header
	}{
		{"from anybody", "[]", sent, "127.0.0.1", http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"}, "X-Request-Id": {"ID"},
		}},
		{"from another than the trusted", "[10.0.0.0/8]", sent, "127.0.0.1", http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"}, "X-Request-Id": {"ID"},
		}},
		{"from a trusted proxy", "[127.0.0.0/8, 10.0.0.0/8]", sent, "203.0.113.9", http.Header{
			"X-Forwarded-For": {"6.6.6.6, 203.0.113.9, 10.1.1.1, 127.0.0.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"front.example"},
			"X-Forwarded-Prefix": {"/shop"}, "X-Real-Ip": {"203.0.113.9"},
			"X-Request-Id": {"from-the-front"},
		}},
		{"from a trusted proxy that speaks RFC 7239", "[127.0.0.1, 10.0.0.0/8]", []string{"Host: shop.example",
			`Forwarded: for=6.6.6.6, for="[2001:db8::7]:4711";proto=https, for=10.1.1.1`}, "2001:db8::7", http.Header{
			"X-Forwarded-For": {"2001:db8::7, 127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"}, "X-Request-Id": {"ID"},
		}},
		{"from a trusted proxy that says nothing", "[127.0.0.1]", []string{"Host: shop.example"}, "127.0.0.1", http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"}, "X-Request-Id": {"ID"},
		}},
		{"ids that are none", "[127.0.0.1]", []string{"Host: shop.example", "X-Request-Id: a b\"c"}, "127.0.0.1", http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example"}, "X-Request-Id": {"ID"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, headersYAML, map[string]string{"DATA": data.URL, "TRUSTED": test.trusted})
			if got := b.send(http.MethodGet, "/public", test.sent...); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			logged := b.log.next(t, "request")
			if test.want["X-Request-Id"][0] == "ID" {
				test.want["X-Request-Id"] = []string{logged["request_id"].(string)}
			}
			if diff := cmp.Diff(test.want, alike(data.next(t).header, forwardingFields...)); diff != "" {
				t.Errorf("the backend was told (-want +got):\n%s", diff)
			}
			if logged["client"] != test.client || logged["request_id"] != test.want["X-Request-Id"][0] {
				t.Errorf("logged %v", logged)
			}
		})
	}
}
