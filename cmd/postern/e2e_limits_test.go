package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const limitsYAML = `
server:
  listen: "127.0.0.1:0"
  shutdown_delay: 0s
  read_header_timeout: ${HEADER}
  idle_timeout: ${IDLE}
  max_header_bytes: 16KiB
admin: { listen: "127.0.0.1:0" }
limits: { connections: ${CONNECTIONS} }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret }] }
routes:
  - { name: open, match: /, upstream: data, authenticate: [anonymous] }
  - { name: guarded, match: /guarded, upstream: data, authenticate: [token] }
`

func limited(t *testing.T, changes map[string]string) (*testbed, *spy) {
	data := newSpy(t, nil)
	values := map[string]string{"DATA": data.URL, "HEADER": "10s", "IDLE": "10s", "CONNECTIONS": "100"}
	for name, value := range changes {
		values[name] = value
	}
	return start(t, limitsYAML, values), data
}

// More connections than the limit wait until one of the others ends.
func TestConnectionLimit(t *testing.T) {
	b, data := limited(t, map[string]string{"CONNECTIONS": "2"})
	const get = "GET / HTTP/1.1\r\nHost: postern\r\n\r\n"
	first, second, third := dial(t, b.address), dial(t, b.address), dial(t, b.address)
	for _, c := range []net.Conn{first, second} {
		_, _ = io.WriteString(c, get)
		if got := readAnswer(t, bufio.NewReader(c)); got.status != http.StatusOK {
			t.Fatalf("%+v", got)
		}
		data.next(t)
	}
	_, _ = io.WriteString(third, get)
	_ = third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); n > 0 {
		t.Errorf("one connection too many is served: %v", err)
	}
	data.expectNone(t)
	first.Close()
	_ = third.SetReadDeadline(time.Now().Add(patience))
	if got := readAnswer(t, bufio.NewReader(third)); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

// A client that dawdles loses its connection: with its first header, with the
// next one, and between two requests.
func TestSlowHeaders(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: postern\r\n\r\n"
	for name, test := range map[string]struct {
		header, idle string
		sent         string
		answers      int
	}{
		"nothing":             {"50ms", "10s", "", 0},
		"a part of a line":    {"50ms", "10s", "GET / HT", 0},
		"a header at a time":  {"50ms", "10s", "GET / HTTP/1.1\r\nHost: postern\r\n", 0},
		"the second request":  {"50ms", "10s", get + "GET / HTTP/1.1\r\n", 1},
		"no second request":   {"10s", "50ms", get, 1},
		"empty lines at most": {"50ms", "50ms", get + "\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := limited(t, map[string]string{"HEADER": test.header, "IDLE": test.idle})
			c := dial(t, b.address)
			_, _ = io.WriteString(c, test.sent)
			answers := bufio.NewReader(c)
			for range test.answers {
				if got := readAnswer(t, answers); got.status != http.StatusOK {
					t.Errorf("%+v", got)
				}
			}
			// net/http may say 400 or 408 before it closes.
			if rest, err := io.ReadAll(answers); err != nil || strings.Contains(string(rest), " 200 ") {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

// Headers are bounded by their bytes; below, any number of them is looked at.
func TestManyHeaders(t *testing.T) {
	b, data := limited(t, nil)
	const token = "Authorization: Token token-secret\r\n"
	many := func(n int) string { return strings.Repeat("A: b\r\n", n) }
	cookies := func(n int) string { return "Cookie: " + strings.Repeat("a=b; ", n) + "a=b\r\n" }
	for name, test := range map[string]struct {
		fields string
		status int
		reason string
	}{
		"few":                                  {token, 200, ""},
		"thousands":                            {many(2000) + token, 200, ""},
		"too many":                             {many(5000) + token, 431, ""},
		"one too long":                         {"A: " + strings.Repeat("b", 32<<10) + "\r\n" + token, 431, ""},
		"a second credential behind thousands": {token + many(2000) + token, 400, "malformed_request"},
		"an alias behind thousands":            {token + many(2000) + "authorization: Token other\r\n", 400, "malformed_request"},
		"no credential among thousands":        {many(2000), 401, "missing_credential"},
		"thousands of cookies":                 {cookies(3000) + token, 200, ""},
		"too many cookies":                     {cookies(5000) + token, 431, ""},
		"cookies in thousands of headers":      {strings.Repeat("Cookie: a=b\r\n", 1000) + token, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, b.address)
			_, _ = io.WriteString(c, "GET /guarded HTTP/1.1\r\nHost: postern\r\nConnection: close\r\n"+test.fields+"\r\n")
			got, err := http.ReadResponse(bufio.NewReader(c), nil) // the body of a 431 may be lost: its connection is reset
			if err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != test.status || got.Header.Get("Postern-Reason") != test.reason {
				t.Errorf("%s %s, want %d %s", got.Status, got.Header.Get("Postern-Reason"), test.status, test.reason)
			}
			if test.status == http.StatusOK {
				data.next(t)
			}
			data.expectNone(t)
		})
	}
}
