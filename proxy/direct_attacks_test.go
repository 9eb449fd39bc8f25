package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

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
				if n := len(u.direct.idle.list); n != 0 {
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
	if n := len(u.direct.idle.list); n != 1 {
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
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "second" || len(u.direct.idle.list) != 0 {
			t.Errorf("%q, %v, %d connections are kept", body, err, len(u.direct.idle.list))
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
		if n := len(u.direct.idle.list); n != 0 {
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

// What would be read as something else on the wire does not get there.
func TestDirectSmuggling(t *testing.T) {
	raw := newRawUpstream(t, func(*http.Request, int) string { return secondAnswer })
	u := newTestUpstream("http://" + raw.address)
	defer u.Retire()
	for name, r := range map[string]*http.Request{
		"method":      {Method: "GET /admin HTTP/1.1\r\nX:", Header: http.Header{}},
		"method of 2": {Method: "GET /admin", Header: http.Header{}},
		"field name":  {Method: "GET", Header: http.Header{"X: a\r\nY": {"b"}}},
		"field value": {Method: "GET", Header: http.Header{"X": {"a\r\nY: b"}}},
		"empty name":  {Method: "GET", Header: http.Header{"": {"a"}}},
	} {
		r.URL = &url.URL{Scheme: "http", Host: raw.address, Path: "/"}
		if response, err := u.direct.RoundTrip(r.WithContext(t.Context())); err == nil {
			response.Body.Close()
			t.Errorf("%s: it was sent", name)
		}
	}
	if seen := raw.seen(); len(seen) > 0 {
		t.Error(seen)
	}
}

// HTTP/2 has no line to smuggle another into, so that net/http takes any method there
// that is a field's value.
func TestMethodThatIsNone(t *testing.T) {
	p := newPiped(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %s %s", r.Method, r.RequestURI) })
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for _, field := range [][2]string{{":method", "GET /admin"}, {":path", "/"}, {":scheme", "http"}, {":authority", "postern"}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(p.client, p.client)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	go func() {
		_, _ = io.WriteString(p.client, http2.ClientPreface)
		_ = framer.WriteSettings()
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header.Bytes(), EndStream: true, EndHeaders: true})
	}()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if answer, ok := frame.(*http2.MetaHeadersFrame); ok {
			if status := answer.PseudoValue("status"); status != "502" {
				t.Errorf("answered %s: it was sent", status)
			}
			return
		}
		if _, ok := frame.(*http2.RSTStreamFrame); ok {
			return
		}
	}
}

// An upstream may refuse a header that is larger than what the system takes at once
// before it has read it all.
func TestDirectEarlyAnswerToALargeHeader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, "HTTP/1.1 431 X\r\nContent-Length: 0\r\n\r\n")
		<-done
	}()
	defer close(done)
	u := newTestUpstream("http://" + l.Addr().String()) // which would wait an hour
	defer u.Retire()
	r := newRequest(t, t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/")
	r.Header["X"] = slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 16)
	response, err := u.direct.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatal(response, err)
	}
	response.Body.Close()
}

// What goes over the wire is the same as by http.Transport.
func TestDirectRequests(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"GET":                 {Method: "GET"},
		"POST without a body": {Method: "POST"},
		"DELETE":              {Method: "DELETE"},
		"Host":                {Method: "GET", Host: "other.example:81"},
		"agent":               {Method: "GET", Header: http.Header{"User-Agent": {"me"}}},
		"no agent":            {Method: "GET", Header: http.Header{"User-Agent": {""}}},
		"fields":              {Method: "GET", Header: http.Header{"B": {"1", "2"}, "a": {"3"}, "Te": {"trailers"}}},
		"framing":             {Method: "GET", Header: http.Header{"Content-Length": {"5"}, "Transfer-Encoding": {"chunked"}, "Host": {"x"}, "Trailer": {"X"}}},
		"expecting":           {Method: "GET", Header: http.Header{"Expect": {"100-continue"}}},
		"escapes":             {Method: "GET", URL: &url.URL{Path: "/a/b c", RawPath: "/a%2fb%20c", RawQuery: "x=%20&&y"}},
		"forced query":        {Method: "GET", URL: &url.URL{Path: "/", ForceQuery: true}},
	} {
		t.Run(name, func(t *testing.T) {
			observe := func(transport func(*Upstream) http.RoundTripper) string {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				sent := make(chan string, 1)
				go func() {
					c, err := l.Accept()
					if err != nil {
						return
					}
					defer c.Close()
					var all strings.Builder
					_, _ = http.ReadRequest(bufio.NewReader(io.TeeReader(c, &all)))
					sent <- strings.ReplaceAll(all.String(), l.Addr().String(), "ADDRESS")
				}()
				u := newTestUpstream("http://" + l.Addr().String())
				defer u.Retire()
				out := r.Clone(t.Context())
				if out.URL == nil {
					out.URL = &url.URL{Path: "/"}
				}
				if out.Header == nil {
					out.Header = http.Header{}
				}
				out.URL.Scheme, out.URL.Host = "http", l.Addr().String()
				_, _ = transport(u).RoundTrip(out)
				return <-sent
			}
			want := observe(func(u *Upstream) http.RoundTripper { return u.transport })
			if got := observe(func(u *Upstream) http.RoundTripper { return u.direct }); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

// However many ask at once, each gets the answer to its own question, and nothing is
// left open in the end.
func TestDirectCrowd(t *testing.T) {
	raw := newRawUpstream(t, func(r *http.Request, _ int) string {
		answer := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(r.URL.Path)) + "\r\n\r\n" + r.URL.Path
		switch n := len(answer) + int(r.URL.Path[len(r.URL.Path)-1]); {
		case n%5 == 0:
			return answer + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
		case n%7 == 0:
			return answer + hangUp
		}
		return answer
	})
	u := newTestUpstream("http://" + raw.address)
	before := descriptors(t)
	var crowd sync.WaitGroup
	for g := range 64 {
		crowd.Go(func() {
			for i := range 50 {
				path := "/" + strconv.Itoa(g) + "/" + strconv.Itoa(i)
				ctx, cancel := context.WithCancel(t.Context())
				response, err := u.direct.RoundTrip(newRequest(t, ctx, http.MethodGet, "http://"+raw.address+path))
				switch {
				case err != nil:
					t.Error(err)
				case i%9 == 0:
					go cancel()
					_, _ = io.ReadAll(response.Body)
					response.Body.Close()
				case i%11 == 0:
					response.Body.Close()
				default:
					if body, err := io.ReadAll(response.Body); err != nil || string(body) != path {
						t.Errorf("%q, %v", body, err)
					}
					response.Body.Close()
				}
				cancel()
			}
		})
	}
	crowd.Wait()
	u.Retire()
	for open := descriptors(t); open > before; open = descriptors(t) {
		<-raw.closed // the upstream's ends are closed as it learns of ours
	}
}

// descriptors counts those that are open.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(open)
}

// A unix socket, an address of IPv6 and a name are dialled as by http.Transport.
func TestDirectAddress(t *testing.T) {
	for name, want := range map[string]string{
		"http://127.0.0.1": "127.0.0.1:80", "http://[::1]:81": "[::1]:81", "http://[fe80::1%25lo]": "[fe80::1%lo]:80",
		"http://bücher.example": "xn--bcher-kva.example:80", "http://BACKEND:81": "BACKEND:81",
	} {
		u := newTestUpstream(name)
		var got [2]string
		for i, transport := range []http.RoundTripper{u.transport, u.direct} {
			u.transport.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
				got[i] = address
				return nil, net.ErrClosed
			}
			_, _ = transport.RoundTrip(&http.Request{Method: "GET", Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: u.host, Path: "/"}})
		}
		if diff := cmp.Diff([2]string{want, want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	socket := t.TempDir() + "/s"
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr+r.Host) })}
	go server.Serve(l)
	defer server.Close()
	u := newTestUpstream("unix://" + socket)
	defer u.Retire()
	for range 2 {
		if got := ask(t, u.direct, http.MethodGet, "http://localhost/"); got.Body != "@localhost" {
			t.Errorf("%+v", got)
		}
	}
	if n := len(u.direct.idle.list); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
}
