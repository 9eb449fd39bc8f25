package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const jwksRotationYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  customer-token: { type: jwt, keys: { jwks_url: "${JOSE}/jwks" }, algorithms: [ES256], issuer: "${JOSE}", audience: urn:chat, customer_id: claims.sub }
routes:
  - { match: /chat, upstream: data, authenticate: [customer-token] }
`

// load is requests that flow while keys change.
type load struct {
	b     *testbed
	token atomic.Pointer[string]
	sent  atomic.Int64
	stop  atomic.Bool
	group sync.WaitGroup

	mu     sync.Mutex
	failed []failedRequest
}

// failedRequest is one that was not let through, and why.
type failedRequest struct {
	token   string
	begun   time.Time
	outcome string
}

// flow sends the token of the moment, again and again.
func (l *load) flow(workers int) {
	for range workers {
		l.group.Go(func() {
			for !l.stop.Load() {
				token, begun := *l.token.Load(), time.Now()
				outcome := l.attempt(token)
				l.sent.Add(1)
				if outcome != "200 " {
					l.mu.Lock()
					l.failed = append(l.failed, failedRequest{token, begun, outcome})
					l.mu.Unlock()
				}
			}
		})
	}
}

// attempt makes one request. It may not end the test, whose goroutine is another.
func (l *load) attempt(token string) (outcome string) {
	response, err := l.b.client.Do(l.b.request(http.MethodGet, "/chat", nil, "Authorization: Bearer "+token))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return fmt.Sprint(response.StatusCode, " ", response.Header.Get("Postern-Reason"))
}

// more waits for so many more requests.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.sent.Load() + n
	eventually(t, "the load flows", func() bool { return l.sent.Load() >= until })
}

// end stops the load and returns what failed.
func (l *load) end() []failedRequest {
	l.stop.Store(true)
	l.group.Wait()
	return l.failed
}

// An issuer takes a new key and later drops the old one, while requests flow:
// no good token is refused, but where the contract allows a 503 until the new
// key is here, and no token of the old key stands once it is gone.
func TestRotationUnderLoad(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	stranger := newIssuer(t, "invented")
	jose := startIssuer(t, "jose.mjs", "ES256")
	old := jose.sign(t, jwt.MapClaims{"sub": "ann"})
	b := start(t, jwksRotationYAML, map[string]string{"DATA": backend.URL, "JOSE": jose.url})
	b.log.next(t, "keys loaded")
	ask := func(token string) answer { return b.send(http.MethodGet, "/chat", "Authorization: Bearer "+token) }

	l := &load{b: b}
	l.token.Store(&old)
	l.flow(8)
	defer l.end()
	l.more(t, 100)

	jose.post(t, "/rotate", "text/plain", "")
	fresh := jose.sign(t, jwt.MapClaims{"sub": "ann"})
	first := time.Now()
	l.token.Store(&fresh)
	for got := ask(fresh); got.status != http.StatusOK; got = ask(fresh) {
		if got.header.Get("Postern-Reason") != "keys_pending" || got.header.Get("Retry-After") == "" {
			t.Fatalf("the new key: %+v", got)
		}
		if time.Since(first) > 5*time.Second {
			t.Fatal("the new key is not here after 5 s")
		}
	}
	accepted := time.Now()
	b.log.next(t, "keys loaded")
	if got := ask(old); got.status != http.StatusOK {
		t.Errorf("the old key, which is still published: %+v", got)
	}
	l.more(t, 100)

	// An unknown kid has the set fetched anew.
	jose.post(t, "/retire", "text/plain", "")
	invented := stranger.sign(t, "invented", jwt.MapClaims{"sub": "ann", "iss": jose.url, "aud": "urn:chat", "exp": fromNow(time.Hour)})
	if got := ask(invented); got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != "unknown_key" {
		t.Errorf("an invented kid: %+v", got)
	}
	if got := ask(old); got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != "unknown_key" {
		t.Errorf("a cached token of the key that is gone: %+v", got)
	}
	l.more(t, 100)

	for _, r := range l.end() {
		if r.token != fresh || r.outcome != "503 keys_pending" || r.begun.After(accepted) {
			t.Errorf("a good token came to %s, sent %s after the new key was there", r.outcome, r.begun.Sub(accepted))
		}
	}
}
