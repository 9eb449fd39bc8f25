package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"postern/policy"
)

// keep puts connections aside that look good, whose other side then does what an
// upstream may do in the moment in which a request leaves.
func keep(t *testing.T, u *Upstream, n int, serve func(net.Conn)) {
	t.Helper()
	for range n {
		client, server := net.Pipe()
		c := newKeptConn(client)
		c.quiet = func() bool { return true }
		u.direct.idle.put(c)
		go func() {
			defer server.Close()
			serve(server)
		}()
		t.Cleanup(func() {
			client.Close()
			server.Close()
		})
	}
}

func readRequest(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }

// A request is sent again where it cannot have done anything, or may do it twice,
// and no other.
func TestDirectRetry(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		idle   func(net.Conn) // nil for an upstream that closes before it reads
		again  bool
	}{
		"GET that may have arrived":        {"GET", readRequest, true},
		"HEAD that may have arrived":       {"HEAD", readRequest, true},
		"OPTIONS that may have arrived":    {"OPTIONS", readRequest, true},
		"POST that may have arrived":       {"POST", readRequest, false},
		"PUT that may have arrived":        {"PUT", readRequest, false},
		"DELETE that may have arrived":     {"DELETE", readRequest, false},
		"own method that may have arrived": {"PURGE", readRequest, false},
		"GET that has not arrived":         {"GET", nil, true},
		"DELETE that has not arrived":      {"DELETE", nil, true},
		"DELETE of which a byte arrived":   {"DELETE", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, false},
		"GET that is answered in part": {"GET", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 2")
		}, false},
		"GET after an informational answer": {"GET", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
		}, false},
		"GET that is not answered in time": {"GET", func(c net.Conn) {
			readRequest(c)
			_, _ = c.Read(make([]byte, 1))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newTestUpstream("http://backend")
				dials := 0
				u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					dials++
					client, server := net.Pipe()
					go func() {
						readRequest(server)
						_, _ = io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
					}()
					return client, nil
				}
				idle := test.idle
				if idle == nil {
					idle = func(net.Conn) {}
				}
				keep(t, u, 3, idle)
				synctest.Wait()
				r := newRequest(t, t.Context(), test.method, "http://backend/")
				r.Header.Set("Idempotency-Key", "x") // whose word is not taken
				began := time.Now()
				response, err := u.direct.RoundTrip(r)
				if again := dials == 1; again != test.again || (err == nil) != again {
					t.Errorf("%v after %d dials", err, dials)
				}
				if err == nil && response.StatusCode != http.StatusNoContent {
					t.Errorf("answered %d", response.StatusCode)
				}
				if took := time.Since(began); took > 0 && (took != time.Hour || upstreamReason(err) != policy.UpstreamTimeout) {
					t.Errorf("%v after %s", err, took)
				}
				u.Retire()
			})
		})
	}
}

func newRequest(t *testing.T, ctx context.Context, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The end of a request's context ends it wherever it is, with the context's cause,
// and its connection is not used again.
func TestDirectContext(t *testing.T) {
	cause := errors.New("out of time")
	for name, test := range map[string]struct {
		serve func(net.Conn)
		body  bool // the header comes in time
	}{
		"during write":  {func(c net.Conn) { <-time.After(time.Hour) }, false},
		"before header": {func(c net.Conn) { readRequest(c); <-time.After(time.Hour) }, false},
		"in the header": {func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX")
			<-time.After(time.Hour)
		}, false},
		"before the body": {func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
			<-time.After(time.Hour)
		}, true},
		"in the body": {func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi")
			<-time.After(time.Hour)
		}, true},
		"in a body up to the end": {func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nhi")
			<-time.After(time.Hour)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newTestUpstream("http://backend")
				u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					t.Error("asked again")
					return nil, net.ErrClosed
				}
				keep(t, u, 1, test.serve)
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
				defer cancel()
				response, err := u.direct.RoundTrip(newRequest(t, ctx, http.MethodGet, "http://backend/"))
				if (err == nil) != test.body {
					t.Fatal(err)
				}
				if err == nil {
					_, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				if err != cause || ctx.Err() == nil {
					t.Errorf("%v", err)
				}
				if n := idleOf(u); n != 0 {
					t.Errorf("%d connections are kept", n)
				}
				time.Sleep(time.Hour) // until the other side has gone
			})
		})
	}
}

// What is over before it begins is not sent.
func TestDirectContextThatHasEnded(t *testing.T) {
	u := newTestUpstream("http://backend")
	defer u.Retire()
	keep(t, u, 1, func(c net.Conn) {
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			t.Error("it was sent")
		}
	})
	cause := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := u.direct.RoundTrip(newRequest(t, ctx, http.MethodDelete, "http://backend/")); err != cause {
		t.Error(err)
	}
	if n := idleOf(u); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
}

// Where a context ends before the body has been read that came with the header, the
// body is whole, and the connection is not used again.
func TestDirectContextAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newTestUpstream("http://backend")
		keep(t, u, 1, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, secondAnswer)
			_, _ = c.Read(make([]byte, 1))
		})
		ctx, cancel := context.WithCancel(t.Context())
		response, err := u.direct.RoundTrip(newRequest(t, ctx, http.MethodGet, "http://backend/"))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "second" || idleOf(u) != 0 {
			t.Errorf("%q, %v, %d connections are kept", body, err, idleOf(u))
		}
	})
}

// A body that is closed while a read waits ends that read, and what has come of it
// is not given out afterwards: a credential may have ended.
func TestDirectBodyClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newTestUpstream("http://backend")
		keep(t, u, 1, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi, and more")
			_, _ = c.Read(make([]byte, 1))
		})
		response, err := u.direct.RoundTrip(newRequest(t, t.Context(), http.MethodGet, "http://backend/"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(response.Body, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if n, err := response.Body.Read(make([]byte, 1)); n > 0 || err != http.ErrBodyReadAfterClose {
			t.Errorf("%d, %v", n, err)
		}
		if n := idleOf(u); n != 0 {
			t.Errorf("%d connections are kept", n)
		}

		keep(t, u, 1, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
			_, _ = c.Read(make([]byte, 1))
		})
		if response, err = u.direct.RoundTrip(newRequest(t, t.Context(), http.MethodGet, "http://backend/")); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := response.Body.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		response.Body.Close()
		if err := <-ended; err == nil || err == io.EOF {
			t.Error(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}
