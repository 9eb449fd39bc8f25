package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"postern/policy"
)

// rawUpstream answers each request on each connection with a script.
type rawUpstream struct {
	address string
	closed  chan struct{} // receives for each connection that the other side closes

	mu       sync.Mutex
	requests []string // method, path and number of the connection, as they came
}

// newRawUpstream answers with what script returns, and hangs up where that ends with
// hangUp.
func newRawUpstream(t *testing.T, script func(*http.Request, int) string) *rawUpstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{address: l.Addr().String(), closed: make(chan struct{}, 1000)}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(t.Context(), func() { c.Close() })
				defer stop()
				u.serve(c, n, script)
			})
		}
	})
	return u
}

const hangUp = "\x00"

func (u *rawUpstream) serve(c net.Conn, n int, script func(*http.Request, int) string) {
	reader := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			u.closed <- struct{}{}
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		u.mu.Lock()
		u.requests = append(u.requests, r.Method+" "+r.URL.Path+" "+string(rune('0'+n)))
		u.mu.Unlock()
		answer, gone := strings.CutSuffix(script(r, n), hangUp)
		if _, err := io.WriteString(c, answer); err != nil || gone {
			return
		}
	}
}

// seen returns the requests that have come.
func (u *rawUpstream) seen() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.requests...)
}

// outcome is all that a client of a transport can tell of an answer.
type outcome struct {
	Interim     []int
	Failed      policy.Reason // of RoundTrip
	Status      int
	Proto       string
	Header      http.Header
	Length      int64
	Close       bool
	Body        string
	BodyFailed  policy.Reason
	Unexpected  bool // end of the body
	Trailer     http.Header
	Second      string // what the next request is answered
	Connections []string
}

// ask sends a request through a transport and reads its answer.
func ask(t *testing.T, transport http.RoundTripper, method, url string) outcome {
	t.Helper()
	var got outcome
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			got.Interim = append(got.Interim, code)
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["User-Agent"] = []string{""}
	response, err := transport.RoundTrip(r)
	if err != nil {
		got.Failed = upstreamReason(err)
		return got
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		response.Body.Close() // as modifyResponse wants; it may never end
		got.Status = response.StatusCode
		return got
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		got.BodyFailed, got.Unexpected = upstreamReason(err), errors.Is(err, io.ErrUnexpectedEOF)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	got.Status, got.Proto, got.Header, got.Length, got.Close = response.StatusCode, response.Proto, response.Header, response.ContentLength, response.Close
	got.Body, got.Trailer = string(body), response.Trailer
	return got
}

const secondAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
