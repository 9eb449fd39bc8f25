package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/metrics"
	"postern/policy"
	"postern/proxy"
)

// newBodyReader returns a handler whose routes hold requests to one
// authenticator: /rule has a rule on the customer in the body, /streamed has
// none. Bodies may take 64 KiB together.
func newBodyReader(t testing.TB, backend string, a authn.Authenticator) http.Handler {
	t.Helper()
	registry, log := metrics.New("", ""), slog.New(slog.NewJSONHandler(io.Discard, nil))
	list := make([]policy.RouteSettings, 2)
	for i, path := range []string{"/rule", "/streamed"} {
		pattern, err := policy.ParsePattern(path)
		if err != nil {
			t.Fatal(err)
		}
		list[i].SetDefaults()
		list[i].Match, list[i].Upstream, list[i].BodyLimit = policy.OneOrMore[policy.Pattern]{*pattern}, "backend", new(policy.Size(32<<10))
		list[i].Authenticate = []policy.OneOrMore[string]{{"customer"}}
	}
	request, err := policy.ParseReference("body.customer_ids.registered")
	if err != nil {
		t.Fatal(err)
	}
	var rule policy.RuleSettings
	rule.SetDefaults()
	rule.Request = request
	list[0].Consistency = []policy.RuleSettings{rule}
	routes := policy.NewRoutes(list, policy.Common{})
	matcher, conflicts := policy.NewMatcher(routes)
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	var upstream proxy.UpstreamSettings
	upstream.SetDefaults()
	upstream.URL = backend
	u := proxy.NewUpstream("backend", upstream, registry, log)
	t.Cleanup(u.Retire)
	return proxy.NewHandler(proxy.NewState(proxy.StateSettings{
		Gate:   gate.New(gate.Settings{Routes: routes, Matcher: matcher, Authenticators: map[string]authn.Authenticator{"customer": a}}),
		Routes: routes, Upstreams: map[string]*proxy.Upstream{"backend": u}, BodyTimeout: 30 * time.Second, BodyBytes: 64 << 10, Metrics: registry,
	}), registry, log)
}

// newSigned returns an authenticator, and the header's value that it accepts.
func newSigned(t testing.TB, customer string) (a authn.Authenticator, authorization string) {
	t.Helper()
	var problems policy.Problems
	var s authn.JWTSettings
	s.SetDefaults()
	s.Algorithms = []string{"HS256"}
	s.Keys.Secrets = []keys.SecretSettings{{ID: "2026-11", Value: keys.Value{Literal: benchSecret}}}
	if err := s.CustomerID.UnmarshalText([]byte("claims.sub")); err != nil {
		t.Fatal(err)
	}
	var cache authn.CacheSettings
	cache.SetDefaults()
	set := s.Keys.Load(nil, keys.Loader{}, false, &problems)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": customer, "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(benchSecret))
	if err != nil || len(problems.List) > 0 {
		t.Fatal(err, problems)
	}
	return authn.NewJWT("customer", &s, set, authn.NewCache(cache, metrics.New("", "")), 16<<10), "Bearer " + token
}

// event is a body of 8 KB that names a customer.
func event(customer string) []byte {
	body := fmt.Appendf(nil, `{"customer_ids":{"registered":%q,"cookie":"c"},"commands":[`, customer)
	for len(body) < 8<<10 {
		body = append(body, `{"name":"customers/events","data":{"event_type":"purchase","timestamp":1700000000.123,"properties":{"price":12.5,"items":["a","b"]}}},`...)
	}
	return append(body[:len(body)-1], `]}`...)
}

// buffered reads the whole body before it hands the request on, as one would
// without looking into it.
func buffered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, r)
	})
}

// bodyExchanges returns for each contender what sends 8 KB through it to a
// backend that reads them: a bare proxy first.
func bodyExchanges(b *testing.B) (names []string, exchange []func()) {
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(backend.Close)
	a, authorization := newSigned(b, "ann@example.com")
	bare, postern, body := newBare(b, backend.URL), newBodyReader(b, backend.URL, a), event("ann@example.com")
	for _, c := range []contender{
		{"bare", bare, "/rule", authorization},
		{"bare-buffered", buffered(bare), "/rule", authorization},
		{"postern-streamed", postern, "/streamed", authorization},
		{"postern-body-rule", postern, "/rule", authorization},
	} {
		front := httptest.NewServer(c.handler)
		b.Cleanup(front.Close)
		transport := &http.Transport{DisableCompression: true}
		b.Cleanup(transport.CloseIdleConnections)
		names = append(names, c.name)
		exchange = append(exchange, func() {
			r, err := http.NewRequest(http.MethodPost, front.URL+c.path, bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header["Authorization"], r.Header["Content-Type"] = []string{c.field}, []string{"application/json"}
			response, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				b.Fatal(response.Status, err)
			}
		})
	}
	return names, exchange
}

// BenchmarkBody measures a whole request with a body of 8 KB over loopback, its
// client and backend included.
func BenchmarkBody(b *testing.B) {
	names, exchange := bodyExchanges(b)
	for i, name := range names {
		b.Run(name, func(b *testing.B) {
			exchange[i]()
			b.ReportAllocs()
			for b.Loop() {
				exchange[i]()
			}
		})
	}
}

// BenchmarkBodyRatio sends the requests in turn; see [BenchmarkProxyRatio].
func BenchmarkBodyRatio(b *testing.B) {
	names, exchange := bodyExchanges(b)
	for i := 1; i < len(names); i++ {
		b.Run(names[i], func(b *testing.B) {
			exchange[0]()
			exchange[i]()
			var bare, other time.Duration
			for b.Loop() {
				began := time.Now()
				exchange[0]()
				between := time.Now()
				exchange[i]()
				bare, other = bare+between.Sub(began), other+time.Since(between)
			}
			b.ReportMetric(float64(other)/float64(bare), "ratio")
		})
	}
}

// panicking is an authenticator with a fault of ours, which reads the body first.
type panicking struct{ authn.Authenticator }

// Verify implements authn.Authenticator.
func (p panicking) Verify(ctx context.Context, c authn.Credential, at time.Time) (*authn.Verified, authn.CacheUse, error) {
	if _, err := c.Request.RawBody(); err != nil {
		return nil, authn.NoCache, err
	}
	panic("a fault")
}

// The room that a body took is there again after a panic.
func TestRoomAfterAPanic(t *testing.T) {
	a, authorization := newSigned(t, "ann")
	h := newBodyReader(t, "http://127.0.0.1:1", panicking{a})
	for i := range 100 {
		r := httptest.NewRequest(http.MethodPost, "/rule", strings.NewReader(strings.Repeat("x", 3<<10)))
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Postern-Reason"); got != "internal" {
			t.Fatalf("request %d: %s", i, got)
		}
	}
}
