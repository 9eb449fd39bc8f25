package proxy_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
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

// contender is a proxy and the request that is measured through it.
type contender struct {
	name    string
	handler http.Handler
	path    string
	field   string // Authorization, if any
}

const (
	benchToken  = "a-static-token-of-a-project"
	benchSecret = "a-shared-secret-of-thirty-two-bytes"
)

// contenders are a bare reverse proxy, and Postern with ever more to do.
func contenders(b *testing.B, backend string) []contender {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "customer-4711", "email": "ada@example.com", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(benchSecret))
	if err != nil {
		b.Fatal(err)
	}
	postern := newPostern(b, backend, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	return []contender{
		{"bare", newBare(b, backend), "/anonymous", ""},
		{"postern-public", postern, "/anonymous", ""},
		{"postern-token", postern, "/token", "Token " + benchToken},
		{"postern-hs256-cached", postern, "/customer", "JWT " + token},
		{"postern-logged", newPostern(b, backend, logToFile(b)), "/anonymous", ""},
	}
}

// newBare returns what one would write without Postern, with the transport that
// Postern has.
func newBare(b *testing.B, backend string) http.Handler {
	target, err := url.Parse(backend)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   256,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
	b.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.SetXForwarded()
			p.Out.Host = p.In.Host
		},
		Transport:  transport,
		BufferPool: &buffers{sync.Pool{New: func() any { return new([32 << 10]byte) }}},
	}
}

type buffers struct{ sync.Pool }

func (p *buffers) Get() []byte  { return p.Pool.Get().(*[32 << 10]byte)[:] }
func (p *buffers) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }

// logToFile returns what the program logs to, where that goes into a file.
func logToFile(b *testing.B) *slog.Logger {
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	q := proxy.NewLogQueue(file)
	b.Cleanup(func() {
		q.Close(context.Background())
		file.Close()
	})
	return q.Logger(proxy.LogSettings{})
}

// newPostern returns a handler with a route for each kind of credential.
func newPostern(b *testing.B, backend string, log *slog.Logger) http.Handler {
	var problems policy.Problems
	registry := metrics.New("", "")

	schemeToken, schemeJWT := "Token", "JWT"
	static := authn.NewToken("token", &authn.TokenSettings{
		CarrierSettings: authn.CarrierSettings{Scheme: &schemeToken},
		Tokens:          []authn.StaticTokenSettings{{ID: "mobile", Value: keys.Value{Literal: benchToken}}},
	}, keys.Loader{}, nil, &problems)
	var settings authn.JWTSettings
	settings.SetDefaults()
	settings.Scheme, settings.Algorithms = &schemeJWT, []string{"HS256"}
	settings.Keys.Secrets = []keys.SecretSettings{{ID: "2026-11", Value: keys.Value{Literal: benchSecret}}}
	mustParse(b, &settings.CustomerID, "claims.sub")
	var cache authn.CacheSettings
	cache.SetDefaults()
	signed := authn.NewJWT("customer", &settings, settings.Keys.Load(nil, keys.Loader{}, false, &problems), authn.NewCache(cache, registry), 16<<10)

	headers := map[string]*policy.Template{}
	for name, text := range map[string]string{"X-Customer-Id": "{customer_id}", "X-Customer-Email": "{claims.email}", "X-Auth-Level": "{level}"} {
		headers[name] = new(policy.Template)
		mustParse(b, headers[name], text)
	}
	var list []policy.RouteSettings
	for _, name := range []string{"token", "customer", authn.AnonymousName} {
		var s policy.RouteSettings
		s.SetDefaults()
		s.Match = make(policy.OneOrMore[policy.Pattern], 1)
		mustParse(b, &s.Match[0], "/"+name)
		s.Upstream, s.Authenticate = "backend", []policy.OneOrMore[string]{{name}}
		list = append(list, s)
	}
	routes := policy.NewRoutes(list, policy.Common{IdentityHeaders: headers})
	matcher, conflicts := policy.NewMatcher(routes)
	if len(problems.List) > 0 || len(conflicts) > 0 {
		b.Fatal(problems, conflicts)
	}
	var upstream proxy.UpstreamSettings
	upstream.SetDefaults()
	upstream.URL = backend
	u := proxy.NewUpstream("backend", upstream, registry, log)
	b.Cleanup(u.Retire)
	return proxy.NewHandler(proxy.NewState(proxy.StateSettings{
		Gate: gate.New(gate.Settings{
			Routes: routes, Matcher: matcher,
			Authenticators:  map[string]authn.Authenticator{"token": static, "customer": signed},
			IdentityHeaders: []string{"X-Customer-Id", "X-Customer-Email", "X-Auth-Level"},
		}),
		Routes:      routes,
		Upstreams:   map[string]*proxy.Upstream{"backend": u},
		BodyTimeout: 30 * time.Second,
		Metrics:     registry,
	}), registry, log)
}

func mustParse(b *testing.B, into interface{ UnmarshalText([]byte) error }, text string) {
	b.Helper()
	if err := into.UnmarshalText([]byte(text)); err != nil {
		b.Fatal(err)
	}
}

// exchanges starts a backend that answers with 1.2 KB, and returns for each
// contender what makes one request through it, on a connection that is kept.
func exchanges(b *testing.B) (names []string, exchange []func()) {
	payload := bytes.Repeat([]byte("0123456789ab"), 100)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(payload)
	}))
	b.Cleanup(backend.Close)
	for _, c := range contenders(b, backend.URL) {
		front := httptest.NewServer(c.handler)
		b.Cleanup(front.Close)
		transport := &http.Transport{DisableCompression: true}
		b.Cleanup(transport.CloseIdleConnections)
		r, err := http.NewRequest(http.MethodGet, front.URL+c.path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if c.field != "" {
			r.Header.Set("Authorization", c.field)
		}
		names = append(names, c.name)
		exchange = append(exchange, func() {
			response, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK || int(n) != len(payload) {
				b.Fatal(response.Status, n, err)
			}
		})
	}
	return names, exchange
}

// BenchmarkProxy measures a whole request over loopback, its client and backend
// included, through a bare proxy and through Postern.
func BenchmarkProxy(b *testing.B) {
	names, exchange := exchanges(b)
	for i, name := range names {
		b.Run(name, func(b *testing.B) {
			exchange[i]() // connects, and fills the token cache
			b.ReportAllocs()
			for b.Loop() {
				exchange[i]()
			}
		})
	}
}

// BenchmarkProxyRatio sends the requests through both in turn, so that whatever
// else the machine does falls on both, and reports how much longer Postern's
// takes. The time per operation is that of the pair.
func BenchmarkProxyRatio(b *testing.B) {
	names, exchange := exchanges(b)
	for i := 1; i < len(names); i++ {
		b.Run(names[i], func(b *testing.B) {
			exchange[0]()
			exchange[i]()
			var bare, postern time.Duration
			for b.Loop() {
				began := time.Now()
				exchange[0]()
				between := time.Now()
				exchange[i]()
				bare, postern = bare+between.Sub(began), postern+time.Since(between)
			}
			b.ReportMetric(float64(postern)/float64(bare), "ratio")
		})
	}
}
