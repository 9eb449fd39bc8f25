package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// upload opens a connection and sends the beginning of a POST.
func upload(t *testing.T, b *testbed, fields, body string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	connection := dial(t, b.address)
	_, _ = fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: postern\r\n%s\r\n%s", fields, body)
	return connection, bufio.NewReader(connection)
}

func readAnswer(t *testing.T, from *bufio.Reader) answer {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response)
}

// A body that breaks off on its way is the client's fault, and the backend must
// not take it for whole.
func TestBrokenBodies(t *testing.T) {
	const chunked = "Transfer-Encoding: chunked\r\n"
	for _, test := range []struct {
		name, fields, body string
		halfClose          bool
	}{
		{"chunk size that is no number", chunked, "5\r\nhello\r\nzz\r\n", false},
		{"chunk longer than its size", chunked, "5\r\nhello world\r\n0\r\n\r\n", false},
		{"chunk size with a sign", chunked, "5\r\nhello\r\n+5\r\nworld\r\n0\r\n\r\n", false},
		{"chunk size that overflows", chunked, "5\r\nhello\r\nfffffffffffffffff\r\n", false},
		{"chunk line that ends in a bare LF", chunked, "5\nhello\r\n0\r\n\r\n", false},
		{"chunk extension without end", chunked, "5;" + strings.Repeat("a", 64<<10), false},
		{"trailer that is no field", chunked, "5\r\nhello\r\n0\r\nno colon\r\n\r\n", false},
		{"no last chunk", chunked, "5\r\nhello\r\n", true},
		{"shorter than its length", "Content-Length: 10\r\n", "hello", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := newSpy(t, nil)
			b := inFrontOf(t, data.URL)
			connection, answers := upload(t, b, test.fields, test.body)
			if test.halfClose {
				_ = connection.CloseWrite()
			}
			expectRefusal(t, b, readAnswer(t, answers), 400, "malformed_request")
			if got := data.next(t); !got.broken {
				t.Errorf("the backend took the body for whole: %+v", got)
			}
			if _, err := answers.ReadByte(); err == nil {
				t.Error("the connection is used further")
			}
		})
	}
}

func TestBodyTimeout(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, backendsYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "100ms", "HEADER_TIMEOUT": "30s"})
	_, answers := upload(t, b, "Content-Length: 10\r\n", "hello")
	expectRefusal(t, b, readAnswer(t, answers), 400, "malformed_request")
	if got := data.next(t); !got.broken {
		t.Errorf("the backend took the body for whole: %+v", got)
	}
}

// The deadline of a body must not cut off the wait for the answer, or the next
// request on its connection.
func TestBodyTimeoutEndsWithTheBody(t *testing.T) {
	release := make(chan struct{})
	data := newSpy(t, func(http.ResponseWriter, *http.Request) { <-release })
	b := start(t, backendsYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "100ms", "HEADER_TIMEOUT": "30s"})
	connection, answers := upload(t, b, "Content-Length: 5\r\n", "hello")
	data.next(t)
	// Both deadlines, were they still set, are over by then.
	time.AfterFunc(300*time.Millisecond, func() { close(release) })
	if got := readAnswer(t, answers); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: postern\r\n\r\n")
	if got := readAnswer(t, answers); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

func TestExpectContinue(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, rawYAML, map[string]string{"DATA": data.URL})
	expecting := func(path, fields string) (*net.TCPConn, *bufio.Reader) {
		connection := dial(t, b.address)
		_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", path, fields)
		return connection, bufio.NewReader(connection)
	}

	connection, answers := expecting("/files/a", "postern")
	if got := readAnswer(t, answers); got.status != http.StatusContinue {
		t.Fatalf("%+v", got)
	}
	_, _ = io.WriteString(connection, "hello")
	if got := readAnswer(t, answers); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if got := data.next(t); got.body != "hello" || got.header.Get("Expect") != "" {
		t.Errorf("the backend received %+v", got)
	}

	// A request that is refused is refused before its body is asked for.
	_, answers = expecting("/files/a", "admin.example")
	if got := readAnswer(t, answers); got.status != http.StatusUnauthorized {
		t.Errorf("%+v", got)
	}
	data.expectNone(t)
}

// A backend may answer before it has read the body; the client must hear it,
// whether or not the rest could still be read.
func TestAnswerBeforeTheBody(t *testing.T) {
	address := newRogue(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
		}
	})
	for _, length := range []int{20, 1 << 20} {
		b := inFrontOf(t, "http://"+address)
		_, answers := upload(t, b, fmt.Sprintf("Content-Length: %d\r\n", length), "the beginning")
		if got := readAnswer(t, answers); got.status != http.StatusRequestEntityTooLarge || got.body != "large" {
			t.Errorf("%+v", got)
		}
		if logged := b.log.next(t, "request"); logged["status"] != 413.0 || logged["reason"] != "none" {
			t.Errorf("logged %v", logged)
		}
	}
}

// A backend that answers while the body still comes gets all of it: net/http, which
// would read the rest before it passes the answer on, does not take a part.
func TestAnswerWhileTheBodyComes(t *testing.T) {
	const pieces, size = 6, 10
	heard := make(chan string, 1)
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		body, err := io.ReadAll(r.Body)
		heard <- fmt.Sprint(string(body), " ", err)
		_, _ = io.WriteString(w, "done")
	}))
	t.Cleanup(data.Close)
	b := inFrontOf(t, data.URL)
	var want strings.Builder
	for i := range pieces {
		want.WriteString(strings.Repeat(string(rune('A'+i)), size))
	}
	for framing, piece := range map[string]func(string) string{
		fmt.Sprintf("Content-Length: %d\r\n", pieces*size): func(s string) string { return s },
		"Transfer-Encoding: chunked\r\n":                   func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) },
	} {
		connection, answers := upload(t, b, framing, piece(want.String()[:size]))
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < pieces; i++ {
			time.Sleep(20 * time.Millisecond) // so that each is a read of its own
			_, _ = io.WriteString(connection, piece(want.String()[i*size:(i+1)*size]))
		}
		if strings.Contains(framing, "chunked") {
			_, _ = io.WriteString(connection, "0\r\n\r\n")
		}
		if got := await(t, "the body", heard); got != want.String()+" <nil>" {
			t.Errorf("%s: the backend got %s", framing, got)
		}
		if got := read(t, response); got.body != "done" {
			t.Errorf("%s: the client got %+v", framing, got)
		}
		if logged := b.log.next(t, "request"); logged["decision"] != "allow" || logged["reason"] != "none" {
			t.Errorf("%s: logged %v", framing, logged)
		}
	}
}

// Nor may a client hold a connection by withholding the body of a request that
// nobody reads.
func TestWithheldBody(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		status int
		reason string
	}{
		"refused":               {"/%2e%2e/", 400, "ambiguous_path"},
		"upstream that is down": {"/", 502, "upstream_unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, backendsYAML, map[string]string{"DATA": "http://" + deadAddress(t), "BODY_TIMEOUT": "100ms", "HEADER_TIMEOUT": "30s"})
			connection := dial(t, b.address)
			_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: postern\r\nContent-Length: 10\r\n\r\nhello", test.path)
			expectRefusal(t, b, readAnswer(t, bufio.NewReader(connection)), test.status, test.reason)
		})
	}
}

func TestClientLeavesItsBody(t *testing.T) {
	data := newSpy(t, nil)
	b := inFrontOf(t, data.URL)
	connection, _ := upload(t, b, "Content-Length: 10\r\n", "hello")
	_ = connection.SetLinger(0) // the close is a reset
	// The backend has the connection once Postern has sent it the header.
	eventually(t, "the request is in flight", func() bool { return b.metrics("in_flight_requests")["in_flight_requests"] == 1 })
	connection.Close()
	if logged := b.log.next(t, "request"); logged["status"] != 499.0 || logged["reason"] != "client_closed" {
		t.Errorf("logged %v", logged)
	}
	eventually(t, "no request is in flight", func() bool { return b.metrics("in_flight_requests")["in_flight_requests"] == 0 })
}
