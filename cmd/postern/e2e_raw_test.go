package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/raw.yaml
var rawYAML string

// rawRow is what a client writes on a connection, what it reads, and what the
// backend gets. An answer is its status and, where Postern refused, the reason;
// what net/http itself refuses has none.
type rawRow struct {
	name    string
	bytes   string
	answers []string
	reached []string // targets
}

// after is a request that follows each row on its connection: it is answered
// exactly where the bytes before it were a whole request to Postern.
const (
	after       = "GET /files/after HTTP/1.1\r\nHost: postern\r\nConnection: close\r\n\r\n"
	afterTarget = "/files/after"
)

func (r *rawRow) check(t *testing.T, b *testbed, data *spy) {
	connection := dial(t, b.address)
	if _, err := io.WriteString(connection, r.bytes+after); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	var answers []string
	for {
		response, err := http.ReadResponse(reader, nil)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %q: %v", answers, err)
		}
		reason := response.Header.Get("Postern-Reason")
		answers = append(answers, strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", reason)))
		if response.StatusCode != http.StatusOK && reason == "" {
			break // net/http has closed the connection
		}
		read(t, response)
		if logged := b.log.next(t, "request")["reason"]; logged != or(reason, "none") {
			t.Errorf("logged %v, answered %q", logged, reason)
		}
	}
	var reached []string
	for len(data.seen) > 0 {
		reached = append(reached, data.next(t).target)
	}
	if diff := cmp.Diff([][]string{r.answers, r.reached}, [][]string{answers, reached}); diff != "" {
		t.Errorf("answers, and what reached the backend (-want +got):\n%s", diff)
	}
}

func checkRaw(t *testing.T, rows []rawRow) {
	data := newSpy(t, nil)
	b := start(t, rawYAML, map[string]string{"DATA": data.URL})
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { r.check(t, b, data) })
	}
}

func TestRawPaths(t *testing.T) {
	var rows []rawRow
	for _, path := range []string{
		// Dot segments.
		"/files/../secret", "/files/..", "/files/.", "/files/./x", "/files/%2e%2e/secret", "/files/.%2e/secret", "/files/%2E./secret",
		"/files/.%2E", "/files/..%20/secret", "/files/.../x", "/files/%2e%2e%2fsecret",
		"/files/..;/secret", "/files/..;a=b/secret", "/files/..%3b/secret", "/files/.;/x",
		// Slashes that are none to some.
		`/files/..\secret`, "/files/..%5csecret", "/files/..%5Csecret", "/files/a%5cb", `/files/a\b`,
		"/files/a%2fb", "/files%2fa", "/files/a%2Fb", "/files/..%2fsecret", "/files/a%2fb|c", `/files/a%2fb"c`,
		"//files/a", "/files//a", "/files/a//", "//", "///",
		// Parameters, control bytes, the fragment.
		"/files/a;b=c", "/files/a%3bb", "/files/a%00b", "/files/%00", "/files/a%0d%0ab", "/files/a%7fb", "/files/a%1fb", "/files/a%09b",
		"/files/a#b", "/files/a#/../secret",
		// Double encoding.
		"/files/%252e%252e/secret", "/files/a%252fb", "/files/a%255cb", "/files/a%2500b", "/files/a%253bb", "/files/%25252e%25252e/secret",
		// Overlong and broken UTF-8.
		"/files/%c0%ae%c0%ae/secret", "/files/a%c0%afb", "/files/%e0%80%ae%e0%80%ae/secret", "/files/a%c1%9cb", "/files/%ff", "/files/%ed%a0%80", "/files/\xff",
	} {
		rows = append(rows, rawRow{name: path, bytes: "GET " + path + " HTTP/1.1\r\nHost: postern\r\n\r\n",
			answers: []string{"400 ambiguous_path", "200"}, reached: []string{afterTarget}})
	}
	// What net/http cannot parse ends the connection.
	for _, path := range []string{"/files/%zz", "/files/%%32%65/secret", "/files/%", "/files/%2", "/files/a\tb", "/files/a\x00b", "/files/a\x7fb", "/files/a b", "files/a", ""} {
		rows = append(rows, rawRow{name: "unparsable " + path, bytes: "GET " + path + " HTTP/1.1\r\nHost: postern\r\n\r\n", answers: []string{"400"}})
	}
	// And the harmless ones arrive as they came.
	for _, path := range []string{
		"/files/", "/files/a/", "/files/a%20b", "/files/a.b", "/files/..a", "/files/a..", "/files/%41", "/files/a:b@c!$&'()*+,=~-._d",
		"/files/caf%C3%A9", "/files/%F0%9F%98%80", "/files/100%25", "/slashes/a%2Fb", "/files/a?b=../c", "/files/a?b=%2e%2e%2f",
	} {
		rows = append(rows, rawRow{name: path, bytes: "GET " + path + " HTTP/1.1\r\nHost: postern\r\n\r\n",
			answers: []string{"200", "200"}, reached: []string{path, afterTarget}})
	}
	checkRaw(t, rows)
}

func TestRawRequests(t *testing.T) {
	const line = "GET /files/a HTTP/1.1\r\n"
	served := rawRow{answers: []string{"200", "200"}, reached: []string{"/files/a", afterTarget}}
	unparsable := rawRow{answers: []string{"400"}}
	malformed := rawRow{answers: []string{"400 malformed_request", "200"}, reached: []string{afterTarget}}
	unauthorized := rawRow{answers: []string{"401 missing_credential", "200"}, reached: []string{afterTarget}}
	unimplemented := rawRow{answers: []string{"501"}}
	row := func(name string, outcome rawRow, bytes string) rawRow {
		outcome.name, outcome.bytes = name, bytes
		return outcome
	}
	post := func(fields, body string) string {
		return "POST /files/a HTTP/1.1\r\nHost: postern\r\n" + fields + "\r\n" + body
	}

	checkRaw(t, []rawRow{
		row("pipelined", rawRow{
			answers: []string{"200", "400 ambiguous_path", "404 no_route", "200"}, reached: []string{"/files/a", afterTarget},
		}, line+"Host: a\r\n\r\nGET /files/../b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n"),

		// The host decides the route, however it is spelled.
		row("host", unauthorized, line+"Host: admin.example\r\n\r\n"),
		row("host in other case, with dot and port", unauthorized, line+"Host: ADMIN.example.:80\r\n\r\n"),
		row("absolute form", unauthorized, "GET http://admin.example/files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("absolute form with another host", served, "GET http://postern/files/a HTTP/1.1\r\nHost: admin.example\r\n\r\n"),
		row("absolute form without a path", rawRow{answers: []string{"404 no_route", "200"}, reached: []string{afterTarget}},
			"GET http://postern HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("absolute form with a user", rawRow{answers: []string{"401 missing_credential", "200"}, reached: []string{afterTarget}},
			"GET http://postern@admin.example/files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("absolute form of another scheme", unauthorized, "GET ftp://admin.example/files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("absolute form without a scheme", rawRow{answers: []string{"400 ambiguous_path", "200"}, reached: []string{afterTarget}},
			"GET //admin.example/files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("host with a user", unparsable, line+"Host: postern@admin.example\r\n\r\n"),
		row("empty host", served, line+"Host:\r\n\r\n"),
		row("no host", unparsable, line+"\r\n"),
		row("two hosts", unparsable, line+"Host: postern\r\nHost: admin.example\r\n\r\n"),
		row("host with a slash", unparsable, line+"Host: admin.example/files\r\n\r\n"),

		// Methods.
		row("CONNECT", malformed, "CONNECT admin.example:443 HTTP/1.1\r\nHost: admin.example:443\r\n\r\n"),
		row("CONNECT path", malformed, "CONNECT /files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("TRACE", malformed, "TRACE /files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("OPTIONS *", malformed, "OPTIONS * HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("GET *", malformed, "GET * HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("method of its own", served, "BREW /files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("method in lower case", malformed, "get /files/a HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("HTTP/2 preface", rawRow{answers: []string{"400 malformed_request"}}, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),

		// Versions.
		row("HTTP/0.9", unparsable, "GET /files/a\r\n"),
		row("HTTP/1.2", served, "GET /files/a HTTP/1.2\r\nHost: postern\r\n\r\n"),
		row("HTTP/2.0 in the first line", rawRow{answers: []string{"505"}}, "GET /files/a HTTP/2.0\r\nHost: postern\r\n\r\n"),
		row("version in lower case", unparsable, "GET /files/a http/1.1\r\nHost: postern\r\n\r\n"),
		row("empty line first", unparsable, "\r\n"+line+"Host: postern\r\n\r\n"),

		// Two lengths, or none that can be trusted.
		row("Content-Length and chunked", rawRow{answers: []string{"200", "200"}, reached: []string{"/files/a", afterTarget}},
			post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
		row("two Content-Lengths", unparsable, post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc")),
		row("a list of Content-Lengths", unparsable, post("Content-Length: 3, 3\r\n", "abc")),
		row("the same Content-Length twice", served, post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")),
		row("signed Content-Length", unparsable, post("Content-Length: +3\r\n", "abc")),
		row("negative Content-Length", unparsable, post("Content-Length: -1\r\n", "")),
		row("Content-Length in hexadecimal", unparsable, post("Content-Length: 0x3\r\n", "abc")),
		row("unknown coding", unimplemented, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
		row("chunked twice", unimplemented, post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
		row("two codings", unimplemented, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n")),
		row("identity", unimplemented, post("Transfer-Encoding: identity\r\n", "")),
		row("xchunked", unimplemented, post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
		row("vertical tab", unparsable, post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")),
		row("space before the colon", unparsable, post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
		row("chunked in other case", served, post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n")),

		// Lines and names.
		row("bare LF", served, "GET /files/a HTTP/1.1\nHost: postern\n\n"),
		row("bare CR", unparsable, line+"Host: postern\r\nX-A: b\rX-Customer-Id: eve\r\n\r\n"),
		row("NUL", unparsable, line+"Host: postern\r\nX-A: b\x00\r\n\r\n"),
		row("folded first line", unparsable, line+" folded\r\nHost: postern\r\n\r\n"),
		row("folded line", served, line+"Host: postern\r\nX-A: b\r\n X-Customer-Id: eve\r\n\r\n"),
		row("no name", unparsable, line+"Host: postern\r\n: eve\r\n\r\n"),
		row("name beyond ASCII", unparsable, line+"Host: postern\r\nX-Customer-\xc4\xb0d: eve\r\n\r\n"),
		row("name with a space", unparsable, line+"Host: postern\r\nX-Customer Id: eve\r\n\r\n"),
		row("no colon", unparsable, line+"Host: postern\r\nX-Customer-Id\r\n\r\n"),
		row("one header too long", rawRow{answers: []string{"431"}}, line+"Host: postern\r\nX-A: "+strings.Repeat("a", 16<<10)+"\r\n\r\n"),
		row("too many headers", rawRow{answers: []string{"431"}}, line+"Host: postern\r\n"+strings.Repeat("X-A: a\r\n", 4<<10)+"\r\n"),
		row("target too long", rawRow{answers: []string{"431"}}, "GET /files/"+strings.Repeat("a", 16<<10)+" HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("too many cookies", rawRow{answers: []string{"431"}}, line+"Host: postern\r\nCookie: "+strings.Repeat("a=b; ", 4<<10)+"a=b\r\n\r\n"),
		row("many cookies", served, line+"Host: postern\r\nCookie: "+strings.Repeat("a=b; ", 1000)+"a=b\r\n\r\n"),
		row("many headers", served, line+"Host: postern\r\n"+strings.Repeat("X-A: a\r\n", 500)+"\r\n"),
		row("another expectation", rawRow{answers: []string{"417"}}, line+"Host: postern\r\nExpect: wonders\r\n\r\n"),

		// Connection and what it names.
		row("Connection names an identity header", malformed, line+"Host: postern\r\nConnection: X-Customer-Id\r\n\r\n"),
		row("Connection names a credential", malformed, line+"Host: postern\r\nConnection: keep-alive, Authorization\r\n\r\n"),
		row("Connection names what it may", served, line+"Host: postern\r\nConnection: Keep-Alive, TE, Upgrade, HTTP2-Settings, Proxy-Connection\r\n\r\n"),
		row("websocket", served, line+"Host: postern\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
		row("h2c with a body", served, post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 3\r\n", "abc")),
		row("h2c, and what only looks like it", served, line+"Host: postern\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\nUpgrade: h2c\r\n\r\n"),
		row("h2c", served, line+"Host: postern\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
		row("upgrade to bytes", served, line+"Host: postern\r\nConnection: Upgrade\r\nUpgrade: \xff\xfe\r\n\r\n"),

		// Queries.
		row("semicolon", malformed, "GET /files/a?b=1;c=2 HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("broken escape", malformed, "GET /files/a?b=%zz HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("too many parameters", malformed, "GET /files/a?"+strings.Repeat("a&", 1001)+" HTTP/1.1\r\nHost: postern\r\n\r\n"),
		row("as many as may be", served1000(), "GET /files/a?"+strings.Repeat("a&", 1000)+" HTTP/1.1\r\nHost: postern\r\n\r\n"),

		// A body must not become a request, nor a request a body.
		row("request in a body", served, post("Content-Length: 42\r\n", "GET /slashes/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"[:42])),
		row("HTTP/1.0 closes", rawRow{answers: []string{"200"}, reached: []string{"/files/a"}}, "GET /files/a HTTP/1.0\r\n\r\n"),
		row("HTTP/1.0 knows no coding", rawRow{answers: []string{"200"}, reached: []string{"/files/a"}},
			"POST /files/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
	})
}

// served1000 is a request with the longest query that is let through.
func served1000() rawRow {
	return rawRow{answers: []string{"200", "200"}, reached: []string{"/files/a?" + strings.Repeat("a&", 1000), afterTarget}}
}
