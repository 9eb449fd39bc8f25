package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/backends.yaml
var backendsYAML string

// inFrontOf starts Postern with a public route to one backend.
func inFrontOf(t testing.TB, url string) *testbed {
	return start(t, backendsYAML, map[string]string{"DATA": url, "BODY_TIMEOUT": "30s", "HEADER_TIMEOUT": "30s"})
}

// noise returns the same n bytes that do not compress each time.
func noise(n int) []byte {
	source := rand.NewChaCha8([32]byte{1})
	data := make([]byte, n)
	_, _ = source.Read(data)
	return data
}

func TestRequestsArriveAsTheyCame(t *testing.T) {
	data := newSpy(t, nil)
	b := inFrontOf(t, data.URL)
	host := strings.TrimPrefix(data.URL, "http://")
	for _, test := range []struct {
		method, target string
		body           io.Reader
		want           received
	}{
		{http.MethodGet, "/", nil, received{target: "/", host: "shop.example:8443"}},
		{http.MethodGet, "/a%41%2Dz/:@!$&'()*+,=~-._?b=2&a=%41+%20&a=&empty&&x==y%2f&", nil,
			received{target: "/a%41%2Dz/:@!$&'()*+,=~-._?b=2&a=%41+%20&a=&empty&&x==y%2f&", host: "shop.example:8443"}},
		{http.MethodGet, "/a?", nil, received{target: "/a?", host: "shop.example:8443"}},
		{http.MethodPut, "/large", bytes.NewReader(noise(1 << 20)), received{target: "/large", host: "shop.example:8443", body: string(noise(1 << 20)), contentLength: 1 << 20}},
		{http.MethodPost, "/chunked", io.MultiReader(strings.NewReader("in "), strings.NewReader("parts")), received{target: "/chunked", host: "shop.example:8443", body: "in parts", contentLength: -1}},
		{http.MethodPost, "/empty", http.NoBody, received{target: "/empty", host: "shop.example:8443"}},
		{http.MethodDelete, "/a", strings.NewReader("body"), received{target: "/a", host: "shop.example:8443", body: "body", contentLength: 4}},
		{http.MethodGet, "/other-host", nil, received{target: "/other-host", host: host}},
		{http.MethodGet, "/strip/a%2Db/c?d=e", nil, received{target: "/a%2Db/c?d=e", host: "shop.example:8443"}},
		{http.MethodGet, "/old/api/a/b?c", nil, received{target: "/v2/api/a/b?c", host: "shop.example:8443"}},
	} {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			r := b.request(test.method, test.target, test.body, "Host: shop.example:8443", "User-Agent: own/1.0", "Accept-Encoding: br",
				"X-Repeated: 1", "X-Repeated: 2", "Te: trailers", "Cookie: a=b; c=d")
			if got := b.exchange(r); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			got := data.next(t)
			wantFields := http.Header{"User-Agent": {"own/1.0"}, "Accept-Encoding": {"br"}, "X-Repeated": {"1", "2"}, "Cookie": {"a=b; c=d"}}
			if diff := cmp.Diff(wantFields, alike(got.header, "User-Agent", "Accept-Encoding", "X-Repeated", "Cookie")); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			test.want.method, test.want.proto = test.method, "HTTP/1.1"
			got.header, got.trailer = nil, nil
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(received{})); diff != "" {
				t.Errorf("the backend received (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing is added", func(t *testing.T) {
		connection := dial(t, b.address)
		_, _ = io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil {
			t.Fatal(err)
		}
		want := http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}}
		got := data.next(t).header
		got.Del("X-Request-Id")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the backend received (-want +got):\n%s", diff)
		}
	})
}

func compressed(data []byte) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.String()
}

func TestAnswersArriveAsTheyCame(t *testing.T) {
	const etag = `"v1"`
	// answers by path; a backend's own header is what comes out of httptest, too.
	answers := map[string]struct {
		header  http.Header
		status  int
		body    string
		trailer http.Header // announced, and sent
	}{
		"/large":       {http.Header{"Content-Length": {"1048576"}, "Content-Type": {"application/octet-stream"}}, 200, string(noise(1 << 20)), nil},
		"/gzip":        {http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"text/plain"}, "Etag": {etag}}, 200, compressed(noise(9000)), nil},
		"/204":         {http.Header{"X-Own": {"1", "2"}}, 204, "", nil},
		"/304":         {http.Header{"Etag": {etag}}, 304, "", nil},
		"/401":         {http.Header{"Content-Type": {"text/html"}, "Content-Length": {"2"}, "Www-Authenticate": {`Basic realm="theirs"`}}, 401, "no", nil},
		"/599":         {http.Header{"Content-Type": {"text/html"}, "Content-Length": {"0"}}, 599, "", nil},
		"/redirect":    {http.Header{"Content-Length": {"0"}, "Location": {"http://127.0.0.1:1/x"}}, 302, "", nil},
		"/set-cookie":  {http.Header{"Content-Length": {"0"}, "Set-Cookie": {"a=b; Path=/", "c=d"}}, 200, "", nil},
		"/trailers":    {http.Header{"Content-Type": {"text/plain"}}, 200, "body", http.Header{"X-Checksum": {"1"}}},
		"/hop-by-hop":  {http.Header{"Content-Length": {"0"}}, 200, "", nil},
		"/postern-own": {http.Header{"Content-Length": {"0"}}, 200, "", nil},
	}
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		a := answers[r.URL.Path]
		for name, values := range a.header {
			w.Header()[name] = values
		}
		switch r.URL.Path {
		case "/hop-by-hop":
			w.Header()["Connection"] = []string{"X-Hop"}
			w.Header()["X-Hop"] = []string{"1"}
		case "/postern-own":
			w.Header()["Postern-Reason"] = []string{"token_expired"}
			w.Header()["postern_reason"] = []string{"token_expired"}
			w.Header()["Postern-Anything"] = []string{"1"}
		}
		for name := range a.trailer {
			w.Header().Add("Trailer", name)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
		for name, values := range a.trailer {
			w.Header()[name] = values
		}
	})
	b := inFrontOf(t, data.URL)
	for path, want := range answers {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(method+" "+path, func(t *testing.T) {
				got := b.send(method, path, "Accept-Encoding: gzip")
				got.header.Del("Date")
				if want.header.Get("Content-Length") == "" {
					got.header.Del("Content-Length") // net/http adds it to short answers
				}
				expected := answer{want.status, want.header, want.trailer, want.body}
				if method == http.MethodHead {
					expected.body, expected.trailer = "", nil
				}
				if diff := cmp.Diff(expected, got, cmp.AllowUnexported(answer{})); diff != "" {
					t.Errorf("answer (-want +got):\n%.2000s", diff)
				}
				if logged := b.log.next(t, "request"); logged["status"] != float64(want.status) || logged["reason"] != "none" || logged["upstream_duration"].(float64) <= 0 {
					t.Errorf("logged %v", logged)
				}
			})
		}
	}
}

// Only Postern may say Postern-Reason, in a trailer too.
func TestTrailersOfPostern(t *testing.T) {
	for name, announced := range map[string]string{"announced": "Trailer: Postern-Reason\r\n", "not announced": ""} {
		t.Run(name, func(t *testing.T) {
			address := newRogue(t, replying("HTTP/1.1 200 OK\r\n"+announced+"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nPostern-Reason: token_expired\r\nX-Own: 1\r\n\r\n"))
			got := inFrontOf(t, "http://"+address).send(http.MethodGet, "/")
			if diff := cmp.Diff(http.Header{"X-Own": {"1"}}, got.trailer); got.body != "ok" || diff != "" {
				t.Errorf("%+v\ntrailer (-want +got):\n%s", got, diff)
			}
		})
	}
}

// replying reads one request and writes bytes.
func replying(text string) func(net.Conn) {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(c, text)
	}
}

func TestEarlyHints(t *testing.T) {
	data := newSpy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.WriteHeader(http.StatusOK)
	})
	b := inFrontOf(t, data.URL)
	var hints []string
	r := b.request(http.MethodGet, "/", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, " ", header.Get("Link")))
			return nil
		},
	}))
	got := b.exchange(r)
	if diff := cmp.Diff([]string{"103 </a.css>; rel=preload"}, hints); diff != "" || got.status != http.StatusOK || got.header.Get("Link") != "" {
		t.Errorf("%+v\nhints (-want +got):\n%s", got, diff)
	}
}

// Each event must arrive before the next one is sent.
func TestStreamsAreNotHeldBack(t *testing.T) {
	for _, contentType := range []string{"text/event-stream; charset=utf-8", "application/x-ndjson"} {
		t.Run(contentType, func(t *testing.T) {
			next := make(chan struct{})
			data := newSpy(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n", i)
					w.(http.Flusher).Flush()
					<-next
				}
			})
			b := inFrontOf(t, data.URL)
			response, err := b.client.Do(b.request(http.MethodGet, "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			events := bufio.NewReader(response.Body)
			for i := range 3 {
				if line, err := events.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
					t.Errorf("event %d: %q, %v", i, line, err)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(events); len(rest) > 0 || err != nil {
				t.Errorf("then %q, %v", rest, err)
			}
		})
	}
}

func TestUnixUpstream(t *testing.T) {
	data := &spy{seen: make(chan received, 1)}
	path := filepath.Join(t.TempDir(), "chat.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: data}}
	server.Start()
	t.Cleanup(server.Close)
	b := inFrontOf(t, "unix://"+path)
	if got := b.send(http.MethodGet, "/a?b", "Host: shop.example"); got.body != "ok" {
		t.Errorf("%+v", got)
	}
	if got := data.next(t); got.target != "/a?b" || got.host != "shop.example" {
		t.Errorf("%+v", got)
	}
}

func TestH2CUpstream(t *testing.T) {
	data := &spy{seen: make(chan received, 1)}
	server := httptest.NewUnstartedServer(data)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	b := inFrontOf(t, strings.Replace(server.URL, "http:", "h2c:", 1))
	got := b.exchange(b.request(http.MethodPost, "/a?b", strings.NewReader("hello"), "Host: shop.example"))
	if got.body != "ok" {
		t.Errorf("%+v", got)
	}
	if got := data.next(t); got.proto != "HTTP/2.0" || got.target != "/a?b" || got.host != "shop.example" || got.body != "hello" {
		t.Errorf("%+v", got)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	b := inFrontOf(t, server.URL)
	if got := b.send(http.MethodGet, "/"); got.status != http.StatusBadGateway || got.header.Get("Postern-Reason") != "upstream_unreachable" {
		t.Errorf("%+v", got)
	}
}
