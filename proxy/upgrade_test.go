package proxy

import (
	"bufio"
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/metrics"
	"postern/policy"
)

func newTestUpstream(url string) *Upstream {
	s := UpstreamSettings{URL: url, ResponseHeaderTimeout: policy.Duration(time.Hour)}
	return NewUpstream("backend", s, metrics.New("", ""), slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// leavingConn is an upstream's connection whose client leaves at the moment when a
// deadline is set that is, or is not, the one of nothing.
type leavingConn struct {
	net.Conn
	unbounded bool
	leave     context.CancelFunc
	left      chan struct{}
}

// SetDeadline implements net.Conn.
func (c *leavingConn) SetDeadline(at time.Time) error {
	switch {
	case at.Equal(longAgo):
		defer close(c.left)
	case at.IsZero() == c.unbounded:
		c.leave()
		<-c.left
	}
	return c.Conn.SetDeadline(at)
}

// A client that leaves while a deadline is set ends the handshake all the same.
func TestHandshakeLeft(t *testing.T) {
	for name, unbounded := range map[string]bool{"while it is asked": false, "while it is answered": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newTestUpstream("http://backend")
				ctx, leave := context.WithCancel(t.Context())
				ours, theirs := net.Pipe()
				u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					return &leavingConn{ours, unbounded, leave, make(chan struct{})}, nil
				}
				go func() {
					if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
						_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
					}
				}()
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://backend/", nil)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if _, err := (handshake{u}).RoundTrip(r); err != context.Canceled || time.Since(began) > 0 {
					t.Errorf("%v after %s", err, time.Since(began))
				}
			})
		})
	}
}

// The transport changes its settings with its first request, while websockets are
// opened: they have their own. The race detector tells.
func TestWebsocketBesideFirstRequest(t *testing.T) {
	backend := httptest.NewUnstartedServer(http.NotFoundHandler())
	backend.Config.ErrorLog = log.New(io.Discard, "", 0)
	backend.StartTLS()
	defer backend.Close()
	for range 10 {
		u := newTestUpstream(backend.URL)
		var both sync.WaitGroup
		both.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, backend.URL, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := u.transport.RoundTrip(r); err == nil {
				t.Error("an untrusted upstream answered")
			}
		})
		both.Go(func() {
			if _, err := u.connect(t.Context()); err == nil {
				t.Error("an untrusted upstream was connected to")
			}
		})
		both.Wait()
	}
}
