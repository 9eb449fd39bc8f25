package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A client that sends the headers of a proxy chooses nothing: what it adds to those
// of the proxy that asks makes two requests of one.
func TestForwardAuthOfAnotherRequest(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	ann := annsToken(t, nil)
	const malformed, internal = "malformed_request", "internal"
	forwarded := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /customers/ann", "X-Forwarded-Host: www.example.com"}
	original := []string{"X-Original-Method: GET", "X-Original-URI: /customers/ann", "Host: www.example.com"}
	without := func(fields []string, i int) []string { return append(fields[:i:i], fields[i+1:]...) }
	for name, test := range map[string]struct {
		fields []string
		want   string
	}{
		"both, alike":                 {append(original, forwarded...), malformed},
		"another URI":                 {append(original, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /public", "X-Forwarded-Host: www.example.com"), malformed},
		"another method":              {append(original, "X-Forwarded-Method: POST", "X-Forwarded-Uri: /customers/ann", "X-Forwarded-Host: www.example.com"), malformed},
		"half of the other family":    {append(original, "X-Forwarded-Uri: /customers/ann"), malformed},
		"the other half":              {append(forwarded, "X-Original-Method: GET"), malformed},
		"another host":                {append(original, "X-Forwarded-Host: app.example.com"), malformed},
		"the same host":               {append(original, "X-Forwarded-Host: WWW.example.com:443"), ""},
		"two URIs":                    {append(forwarded, "X-Forwarded-Uri: /public"), malformed},
		"two methods":                 {append(original, "X-Original-Method: POST"), malformed},
		"two hosts":                   {append(forwarded, "X-Forwarded-Host: app.example.com"), malformed},
		"a list of hosts":             {append(without(forwarded, 2), "X-Forwarded-Host: app.example.com, www.example.com"), malformed},
		"a whole URL":                 {append(without(forwarded, 1), "X-Forwarded-Uri: http://www.example.com/customers/ann"), malformed},
		"a space":                     {append(without(forwarded, 1), "X-Forwarded-Uri: /public HTTP/1.1"), malformed},
		"no path":                     {append(without(forwarded, 1), "X-Forwarded-Uri: customers/ann"), malformed},
		"a broken escape":             {append(without(forwarded, 1), "X-Forwarded-Uri: /customers/%zz"), malformed},
		"no method":                   {append(without(forwarded, 0), "X-Forwarded-Method: GET /public"), malformed},
		"a method that is not served": {append(without(forwarded, 0), "X-Forwarded-Method: CONNECT"), malformed},
		"a method in lower case":      {append(without(forwarded, 0), "X-Forwarded-Method: get"), malformed},
		"nothing":                     {nil, internal},
		"nothing but the host":        {forwarded[2:], internal},
		"the method is not said":      {without(forwarded, 0), internal},
		"the URI is not said":         {without(forwarded, 1), internal},
		"the host is not said":        {without(forwarded, 2), internal},
		"X-Original without method":   {without(original, 0), internal},
		"X-Original without URI":      {without(original, 1), internal},
		"another upgrade":             {append(forwarded, "Upgrade: h2c"), malformed},
		"an upgrade of no route":      {append(forwarded, "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), malformed},
		"a name by Connection":        {append(forwarded, "Connection: close, X-Customer-Id"), malformed},
		"another method to backends":  {append(forwarded, "X_HTTP_Method: DELETE"), malformed},
		"another path to backends":    {append(forwarded, "X-Original-URL: /public"), malformed},
		"an alias is not the header":  {append(without(forwarded, 1), "X_Forwarded_Uri: /customers/ann"), internal},
	} {
		got := b.question(append(test.fields[:len(test.fields):len(test.fields)], ann)...)
		if reason := got.header.Get("Postern-Reason"); reason != test.want || (got.status == http.StatusOK) != (test.want == "") {
			t.Errorf("%s: %d %s, want %s", name, got.status, reason, test.want)
		}
	}
}

// Only trusted proxies are told anything: to one that is not listed by mistake,
// all that its clients would lose is a fault of ours.
func TestForwardAuthOfTheUntrusted(t *testing.T) {
	b := newAsked(t, "192.0.2.1")
	got := b.ask("GET", "/public")
	if got.status != http.StatusInternalServerError || got.header.Get("Postern-Reason") != "internal" || got.header.Get("X-Auth-Level") != "" || strings.Contains(got.body, "trusted") {
		t.Errorf("%+v", got)
	}
	logged := b.log.next(t, "request")
	if logged["level"] != "ERROR" || logged["route"] != "none" || !strings.Contains(logged["error"].(string), "who asks is not among server.trusted_proxies") {
		t.Errorf("logged %v", logged)
	}
}

// A websocket's handshake is seen as one, whichever of its headers the proxy that
// asks passes on: a page of another origin must not open it with a cookie.
func TestForwardAuthOfWebsockets(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	_, token, _ := strings.Cut(annsToken(t, nil), "JWT ")
	cookie := "Cookie: session=" + token
	handshake := []string{cookie, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"}
	const own, other = "Origin: https://www.example.com", "Origin: https://evil.example"
	for name, test := range map[string]struct {
		fields []string
		want   string
	}{
		"a page":                     {append(handshake, own), ""},
		"another page":               {append(handshake, other), "origin_not_allowed"},
		"another page, with Upgrade": {[]string{cookie, "Upgrade: websocket", other}, "malformed_request"},
		"with Upgrade":               {append(handshake, own, "Upgrade: websocket"), ""},
		"another version":            {[]string{cookie, handshake[1], "Sec-WebSocket-Version: 12", own}, "malformed_request"},
		"a GET of another page":      {[]string{cookie, other}, ""},
	} {
		got := b.ask("GET", "/chat", test.fields...)
		if reason := got.header.Get("Postern-Reason"); reason != test.want {
			t.Errorf("%s: %d %s, want %s", name, got.status, reason, test.want)
		}
	}
}

// Whatever a question is itself, it is never an answer that was not decided.
func TestForwardAuthOfOddQuestions(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	for _, test := range []struct{ line, want string }{
		{"OPTIONS * HTTP/1.1", "HTTP/1.1 500 "},
		{"GET /customers/ann HTTP/1.1", "HTTP/1.1 500 "},
		{"POST /healthz HTTP/1.1", "HTTP/1.1 500 "},
		{"GET / HTTP/1.0", "HTTP/1.0 500 "},
	} {
		if got := exchangeRaw(t, b.forwardAuth, test.line+"\r\nHost: postern\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %.60s", test.line, got)
		}
	}
	// A body is not read, and does not become the next question.
	r, err := http.NewRequest(http.MethodPost, "http://"+b.forwardAuth+"/", strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	setFields(t, r, []string{"X-Forwarded-Method: POST", "X-Forwarded-Uri: /public", "X-Forwarded-Host: a.example"})
	response, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s, %v", response.Status, err)
	}
}

// exchangeRaw sends a request as it is, and returns all that comes back.
func exchangeRaw(t *testing.T, address, request string) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// A proxy may pass a client's trailers on, whatever it says of them when it asks.
func TestForwardAuthOfTrailers(t *testing.T) {
	b := newAsked(t, "127.0.0.1")
	for framing, body := range map[string]string{"": "", "Transfer-Encoding: chunked\r\n": "0\r\nX-Customer-Id: eve\r\n\r\n"} {
		for trailer, want := range map[string]int{"X-Sum": 200, "X-Customer-Id": 400, "x-sum, x_customer-id": 400} {
			connection := dial(t, b.forwardAuth)
			fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: postern\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public\r\n"+
				"X-Forwarded-Host: www.example.com\r\nTrailer: %s\r\n%s\r\n%s", trailer, framing, body)
			if got := readAnswer(t, bufio.NewReader(connection)); got.status != want {
				t.Errorf("%q %s: %+v", framing, trailer, got)
			}
		}
	}
}
