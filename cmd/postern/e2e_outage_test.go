package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const outageYAML = anyPort + `
upstreams: { data: { url: "http://${DATA}", response_header_timeout: 500ms } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret }] }
  widget-token:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "1", value: a-secret-of-at-least-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
routes:
  - { name: guarded, match: /guarded, upstream: data, authenticate: [token] }
  - name: body
    match: POST /body
    upstream: data
    authenticate: [widget-token]
    consistency: [{ request: body.customer }]
`

// fickle is a backend that changes what it does with each request.
type fickle struct {
	address string
	answer  atomic.Pointer[func(net.Conn)]

	mu   sync.Mutex
	seen map[string]int // by request id
}

func newFickle(t *testing.T) *fickle {
	f := &fickle{seen: map[string]int{}}
	f.does(serveOK)
	f.address = newRogue(t, func(c net.Conn) {
		requests := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			f.mu.Lock()
			f.seen[r.Header.Get("X-Number")]++
			f.mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body)
			answer := *f.answer.Load()
			answer(c)
			if _, err := c.Write(nil); err != nil {
				return
			}
		}
	})
	return f
}

func (f *fickle) does(answer func(net.Conn)) { f.answer.Store(&answer) }

func serveOK(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }

func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_ = c.Close()
	}
}

// Whatever the backend does under load, each request gets its told answer, those
// that are refused stay refused, no POST is sent twice, and it is over when the
// backend is well again.
func TestOutageUnderLoad(t *testing.T) {
	ada := widget(t, nil)
	for name, test := range map[string]struct {
		fault func(net.Conn)
		want  []string // any of them
	}{
		"closes":            {func(c net.Conn) { c.Close() }, []string{"502 upstream_unreachable"}},
		"resets":            {func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() }, []string{"502 upstream_unreachable"}},
		"hangs":             {func(net.Conn) { time.Sleep(time.Second) }, []string{"504 upstream_timeout"}},
		"garbage":           {says("\x00\x01\x02 garbage\r\n\r\n"), []string{"502 upstream_invalid"}},
		"breaks off":        {says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), []string{"cut off"}},
		"breaks off in gap": {says("HTTP/1.1 200 OK\r\nX-A"), []string{"502 upstream_invalid", "502 upstream_unreachable"}},
	} {
		t.Run(name, func(t *testing.T) {
			data := newFickle(t)
			b := start(t, outageYAML, map[string]string{"DATA": data.address})
			number := 0
			// load makes requests at a time, of which some must be refused, and returns
			// how the others ended.
			load := func() map[string]int {
				var mu sync.Mutex
				var running sync.WaitGroup
				outcomes := map[string]int{}
				for i := range 40 {
					number++
					id := fmt.Sprint("X-Number: ", number)
					r := b.request(http.MethodPost, "/body", strings.NewReader(`{"customer":"ada"}`), ada, "Content-Type: application/json", id)
					refused := ""
					switch i % 4 {
					case 0:
						r = b.request(http.MethodPost, "/guarded", strings.NewReader("body"), "Authorization: Token token-secret", id)
					case 1:
						r, refused = b.request(http.MethodPost, "/guarded", strings.NewReader("body"), "Authorization: Token guess", id), "401 unknown_token"
					case 2:
						r, refused = b.request(http.MethodPost, "/body", strings.NewReader(`{"customer":"eve"}`), ada, "Content-Type: application/json", id), "403 identity_mismatch"
					}
					running.Go(func() {
						got := b.outcome(r)
						mu.Lock()
						defer mu.Unlock()
						if refused == "" {
							outcomes[got]++
						} else if got != refused {
							t.Errorf("refused with %s, want %s", got, refused)
						}
					})
				}
				running.Wait()
				return outcomes
			}
			well := map[string]int{"200 ": 20}
			if diff := cmp.Diff(well, load()); diff != "" {
				t.Errorf("before: %s", diff)
			}
			data.does(test.fault)
			sum := 0
			outcomes := load()
			for _, outcome := range test.want {
				sum += outcomes[outcome]
			}
			if sum != 20 {
				t.Errorf("%v, want %v", outcomes, test.want)
			}
			data.does(serveOK)
			eventually(t, "the backend is well again", func() bool { return cmp.Equal(well, load()) })
			data.mu.Lock()
			defer data.mu.Unlock()
			for number, times := range data.seen {
				if times > 1 {
					t.Errorf("request %s was sent %d times", number, times)
				}
			}
		})
	}
}

// outcome returns the status and reason of an answer, or that it was cut off.
func (b *testbed) outcome(r *http.Request) string {
	response, err := b.client.Do(r)
	if err != nil {
		return "cut off"
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "cut off"
	}
	return fmt.Sprint(response.StatusCode, " ", response.Header.Get("Postern-Reason"))
}

// On a connection that the backend closes just then, a GET is tried once more. A
// POST is not, whatever its client says of it.
func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name, method, target, body string
		again                      bool
	}{
		{"GET", "GET", "/guarded", "", true},
		{"POST", "POST", "/guarded", "body", false},
		{"POST without a body", "POST", "/guarded", "", false},
		{"POST of a body that was read", "POST", "/body", `{"customer":"ada"}`, false},
		{"DELETE", "DELETE", "/guarded", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := make(chan string, 10)
			var count atomic.Int64
			address := newRogue(t, func(c net.Conn) {
				from := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(from)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					requests <- r.Method
					if count.Add(1) == 2 { // the second request, on a connection that was used
						return
					}
					serveOK(c)
				}
			})
			b := start(t, outageYAML, map[string]string{"DATA": address})
			fields := []string{"Content-Type: application/json", "Idempotency-Key: 1", "X-Idempotency-Key: 2", "Authorization: Token token-secret"}
			if test.target == "/body" {
				fields[3] = widget(t, nil)
			}
			send := func() string {
				return b.outcome(b.request(test.method, test.target, strings.NewReader(test.body), fields...))
			}
			if got := send(); got != "200 " {
				t.Fatal(got)
			}
			want, wantRequests := "502 upstream_unreachable", 2
			if test.again {
				want, wantRequests = "200 ", 3
			}
			if got := send(); got != want || len(requests) != wantRequests {
				t.Errorf("%s after %d requests, want %s after %d", got, len(requests), want, wantRequests)
			}
		})
	}
}
