package proxy

import (
	"bufio"
	"bytes"
	"context"
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

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

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
			if status := answer.PseudoValue("status"); status != "400" {
				t.Errorf("answered %s", status)
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
	u := answersEarly(t, "HTTP/1.1 431 X\r\nContent-Length: 0\r\n\r\n", false) // which would wait an hour
	r := newRequest(t, t.Context(), http.MethodGet, u.settings.URL+"/")
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
	if n := idleOf(u); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
}
