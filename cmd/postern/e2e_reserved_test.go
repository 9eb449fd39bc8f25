package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// reservedYAML has a route of each kind that a body or a verdict can make.
const reservedYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  widget:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "2026-11", value: widget-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
    forward_credential: true
identity_headers: { X-Customer-Id: "{customer_id}", X-Auth-Level: "{level}" }
routes:
  - { name: public, match: /public, upstream: data, authenticate: [anonymous], identity_headers: { X-Project: acme } }
  - { name: own, match: /own, upstream: data, authenticate: [anonymous], pass_authorization: true }
  - { name: widget, match: /widget, upstream: data, authenticate: [widget] }
  - { name: either, match: /either, upstream: data, authenticate: [widget, anonymous] }
  - { name: json, match: /json, upstream: data, authenticate: [widget], consistency: [{ request: body.customer }] }
  - { name: form, match: /form, upstream: data, authenticate: [widget], body: form, consistency: [{ request: body.customer }] }
  - { name: report, match: /report, upstream: data, authenticate: [widget], mode: report, consistency: [{ request: body.customer }] }
`

// reservedNames are aliases of the names that reservedYAML reserves.
var reservedNames = []string{
	"X-Customer-Id", "x-customer-id", "X-CUSTOMER-ID", "X_Customer_Id", "X-Customer_Id", "x_customer-id", "X.Customer.Id", "X!Customer#Id", "x~customer`id", "X|Customer|Id", "X'Customer^Id", "X*Customer+Id", "X$Customer%Id", "X&Customer&Id",
	"X-Auth-Level", "X_AUTH_LEVEL", "X-Project", "x.project",
}

// No client sets a reserved header: not as a field, not as a trailer, by neither
// version of HTTP, on no route.
func TestReservedHeaders(t *testing.T) {
	data := newSpy(t, nil)
	b := startSecure(t, reservedYAML, map[string]string{"DATA": data.URL})
	ann := "JWT " + widgetToken(t, jwt.MapClaims{"sub": "ann"})
	customer := http.Header{"X-Customer-Id": {"ann"}, "X-Auth-Level": {"customer"}}
	anonymous := http.Header{"X-Auth-Level": {"anonymous"}}
	var lines strings.Builder
	var fields [][2]string
	for _, name := range reservedNames {
		fmt.Fprintf(&lines, "%s: eve\r\n", name)
		fields = append(fields, [2]string{strings.ToLower(name), "eve"})
	}
	for _, test := range []struct {
		path, authorization, contentType, body string
		want                                   http.Header
	}{
		{"/public", "", "text/plain", "hello", http.Header{"X-Auth-Level": {"anonymous"}, "X-Project": {"acme"}}},
		{"/public", ann, "text/plain", "hello", http.Header{"X-Auth-Level": {"anonymous"}, "X-Project": {"acme"}}},
		{"/own", ann, "text/plain", "hello", anonymous},
		{"/widget", ann, "text/plain", "hello", customer},
		{"/either", ann, "text/plain", "hello", customer},
		{"/either", "", "text/plain", "hello", anonymous},
		{"/json", ann, "application/json", `{"customer":"ann"}`, customer},
		{"/form", ann, "application/x-www-form-urlencoded", "customer=ann", customer},
		{"/report", ann, "application/json", `{"customer":"ann"}`, customer},
		{"/report", ann, "application/json", `{"customer":"bob"}`, http.Header{}},
		{"/report", "", "application/json", `{"customer":"ann"}`, http.Header{}},
		{"/report", ann, "application/json", `{`, http.Header{}},
	} {
		credential := ""
		pseudo := [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "postern"}, {":path", test.path}, {"content-type", test.contentType}}
		if test.authorization != "" {
			credential = "Authorization: " + test.authorization + "\r\n"
			pseudo = append(pseudo, [2]string{"authorization", test.authorization})
		}
		head := "POST " + test.path + " HTTP/1.1\r\nHost: postern\r\n" + credential + "Content-Type: " + test.contentType + "\r\n"
		chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n%s\r\n", len(test.body), test.body, lines.String())
		over1 := func(text string) func() string {
			return func() string {
				connection := dialTLS(t, b.address, "http/1.1")
				_, _ = io.WriteString(connection, text)
				got := readAnswer(t, bufio.NewReader(connection))
				return strings.TrimSpace(fmt.Sprint(got.status, " ", got.header.Get("Postern-Reason")))
			}
		}
		over2 := func(r http2Request) func() string { return func() string { return sendHTTP2(t, b.address, r) } }
		for way, send := range map[string]func() string{
			"fields":             over1(fmt.Sprintf("%s%sContent-Length: %d\r\n\r\n%s", head, lines.String(), len(test.body), test.body)),
			"trailers":           over1(head + "Transfer-Encoding: chunked\r\n\r\n" + chunked),
			"announced trailers": over1(head + "TE: trailers\r\nTrailer: " + strings.Join(reservedNames, ", ") + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked),
			"HTTP/2 fields":      over2(http2Request{fields: append(pseudo[:len(pseudo):len(pseudo)], fields...), body: test.body}),
			"HTTP/2 trailers":    over2(http2Request{fields: pseudo, body: test.body, trailers: fields}),
			"HTTP/2 announced trailers": over2(http2Request{fields: append(pseudo[:len(pseudo):len(pseudo)], [2]string{"te", "trailers"}, [2]string{"trailer", "x-customer-id, x_customer_id"}),
				body: test.body, trailers: fields}),
		} {
			if answer := send(); answer != "200" {
				t.Errorf("%s, %s: %s", test.path, way, answer)
				continue
			}
			got := data.next(t)
			if diff := cmp.Diff(test.want, alike(got.header, "X-Customer-Id", "X-Auth-Level", "X-Project", "Trailer")); diff != "" || got.body != test.body || len(got.trailer) > 0 {
				t.Errorf("%s, %s: the body %q, the trailer %v, and (-want +got):\n%s", test.path, way, got.body, got.trailer, diff)
			}
		}
		// What Connection names would be lost on the way, or be a way to lose it.
		for _, name := range reservedNames {
			if answer := over1(head + "Connection: close, " + name + "\r\n\r\n")(); answer != "400 malformed_request" {
				t.Errorf("%s, Connection names %s: %s", test.path, name, answer)
			}
		}
	}
	data.expectNone(t)
}
