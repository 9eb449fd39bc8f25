package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heldRequest is one whose body the gate has read.
func heldRequest(t *testing.T, ctx context.Context, method, url, content string) (*http.Request, *heldBody) {
	t.Helper()
	held := &heldBody{content: []byte(content), holding: &holding{budget: new(bodyBudget)}}
	r := newRequest(t, ctx, method, url)
	r.ContentLength, r.Body = int64(len(content)), held.open()
	r.GetBody = func() (io.ReadCloser, error) { return held.open(), nil }
	return r, held
}

// A body goes out as by http.Transport, and each reader of it is closed, however its
// request ends.
func TestDirectBodies(t *testing.T) {
	refused := errors.New("no connection")
	for name, test := range map[string]struct {
		content string
		idle    func(net.Conn) // first, nil for none
		refused bool           // the dial
		sent    bool           // whole, to who answers
	}{
		"new connection":       {content: "hello", sent: true},
		"large":                {content: strings.Repeat("x", 30<<10), sent: true},
		"too large":            {content: strings.Repeat("x", 100<<10), sent: true},
		"gone before a byte":   {content: "hello", idle: func(net.Conn) {}, sent: true},
		"gone after a byte":    {content: "hello", idle: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }},
		"gone after it":        {content: "hello", idle: func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }},
		"no connection":        {content: "hello", refused: true},
		"no connection either": {content: "hello", idle: func(net.Conn) {}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newTestUpstream("http://backend")
				got := make(chan string, 1)
				u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					if test.refused {
						return nil, refused
					}
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						r, err := http.ReadRequest(bufio.NewReader(server))
						if err != nil {
							return
						}
						body, _ := io.ReadAll(r.Body)
						got <- string(body)
						_, _ = io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
						_, _ = server.Read(make([]byte, 1)) // until it is closed
					}()
					return client, nil
				}
				if test.idle != nil {
					keep(t, u, 1, test.idle)
				}
				synctest.Wait()
				r, held := heldRequest(t, t.Context(), http.MethodPost, "http://backend/", test.content)
				response, err := u.direct.RoundTrip(r)
				if (err == nil) != test.sent || test.refused && !errors.Is(err, refused) {
					t.Errorf("%v, %v", response, err)
				}
				if test.sent && <-got != test.content {
					t.Error("another body has come")
				}
				synctest.Wait()
				if held.readers != 0 {
					t.Errorf("%d readers are open", held.readers)
				}
				u.Retire()
			})
		})
	}
}

// An upstream may answer before it has read a body, and read none of it.
func TestDirectEarlyAnswerToABody(t *testing.T) {
	for name, gone := range map[string]bool{"and stays": false, "and is gone": true} {
		t.Run(name, func(t *testing.T) {
			u := answersEarly(t, "HTTP/1.1 413 X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig", gone)
			r, _ := heldRequest(t, t.Context(), http.MethodPost, u.settings.URL+"/", strings.Repeat("x", 31<<10))
			response, err := u.direct.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "big" || response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%d, %q, %v", response.StatusCode, body, err)
			}
			response.Body.Close()
		})
	}
}

// answersEarly returns an upstream that reads a byte of a request and answers it. It
// stays until the test's end, or is gone at once.
func answersEarly(t *testing.T, answer string, gone bool) *Upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, answer)
		if !gone {
			<-done
		}
	}()
	u := newTestUpstream("http://" + l.Addr().String())
	t.Cleanup(func() {
		close(done)
		u.Retire()
		l.Close()
	})
	return u
}

// A body that the upstream is to want first, and one that cannot be sent again, go
// by http.Transport.
func TestDirectBodiesOfOthers(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"expecting": func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"streamed":  func(r *http.Request) { r.GetBody = nil },
		"in chunks": func(r *http.Request) { r.ContentLength = -1 },
		"as chunks": func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"last":      func(r *http.Request) { r.Close = true },
		"large":     func(r *http.Request) { r.ContentLength = maxAtOnce + 1 },
		"large in all": func(r *http.Request) {
			r.ContentLength, r.URL.RawQuery = maxAtOnce/2, strings.Repeat("x", maxAtOnce/2+1)
		},
	} {
		r, _ := heldRequest(t, t.Context(), http.MethodPost, "http://backend/", "hello")
		change(r)
		if !r.Close && leavesAtOnce(r) {
			t.Errorf("%s: it is asked directly", name)
		}
	}
}

// countedConn counts writes.
type countedConn struct {
	net.Conn
	writes atomic.Int64
}

// Write implements net.Conn.
func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// Header and body leave in one piece.
func TestDirectBodyInOnePiece(t *testing.T) {
	client, server := net.Pipe()
	counted := &countedConn{Conn: client}
	go io.Copy(io.Discard, server)
	defer client.Close()
	r, _ := heldRequest(t, t.Context(), http.MethodPost, "http://backend/", strings.Repeat("x", 31<<10))
	if err := newKeptConn(counted).send(r); err != nil || counted.writes.Load() != 1 {
		t.Errorf("%v, %d writes", err, counted.writes.Load())
	}
}

// An upstream that takes nothing of a body is not waited for longer than one that
// does not answer.
func TestDirectBodyUntaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newTestUpstream("http://backend")
		u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			t.Cleanup(func() { server.Close() })
			return &patientConn{client, time.Hour}, nil
		}
		r, held := heldRequest(t, t.Context(), http.MethodPost, "http://backend/", string(bytes.Repeat([]byte("x"), 31<<10)))
		began := time.Now()
		if _, err := u.direct.RoundTrip(r); err == nil || time.Since(began) != time.Hour || held.readers != 0 {
			t.Errorf("%v after %s, %d readers are open", err, time.Since(began), held.readers)
		}
	})
}
