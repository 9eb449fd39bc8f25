package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/authn"
	"postern/gate"
	"postern/metrics"
	"postern/policy"
)

// piped is a whole proxy in this process: its client and its upstream are at the
// other ends of pipes.
type piped struct {
	client  net.Conn
	metrics *metrics.Registry
	log     bytes.Buffer // of the exchanges that have ended
}

// newPiped serves a public route, whose upstream answers.
func newPiped(t *testing.T, answer http.HandlerFunc) *piped {
	p := &piped{metrics: metrics.New("", "")}
	log := slog.New(slog.NewJSONHandler(&p.log, nil))
	pattern, err := policy.ParsePattern("/")
	if err != nil {
		t.Fatal(err)
	}
	var route policy.RouteSettings
	route.SetDefaults()
	route.Match, route.Upstream = policy.OneOrMore[policy.Pattern]{*pattern}, "backend"
	route.Authenticate = []policy.OneOrMore[string]{{authn.AnonymousName}}
	routes := policy.NewRoutes([]policy.RouteSettings{route}, policy.Common{})
	matcher, conflicts := policy.NewMatcher(routes)
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	var upstream UpstreamSettings
	upstream.SetDefaults()
	upstream.URL = "http://backend"
	u := NewUpstream("backend", upstream, p.metrics, log)
	u.transport.DialContext = newPipes(t, &http.Server{Handler: answer}).dial
	var server ServerSettings
	server.SetDefaults()
	server.H2C = true
	h := NewHandler(NewState(StateSettings{
		Gate:   gate.New(gate.Settings{Routes: routes, Matcher: matcher}),
		Routes: routes, Upstreams: map[string]*Upstream{"backend": u}, BodyTimeout: server.BodyTimeout.Std(), Requests: 1, Metrics: p.metrics,
	}), p.metrics, log)
	p.client, _ = newPipes(t, NewServer(server, h, nil, log).http).dial(t.Context(), "", "")
	t.Cleanup(func() {
		p.client.Close()
		u.Retire()
	})
	return p
}

// inFlight returns the metric.
func (p *piped) inFlight(t *testing.T) string {
	t.Helper()
	scrape := httptest.NewRecorder()
	p.metrics.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	_, rest, _ := strings.Cut(scrape.Body.String(), "\npostern_in_flight_requests ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// A client that takes nothing of a large answer is cut off in time, and what was
// held for it with it: the upstream's connection, and its place among requests.
func TestUnreadAnswerFreesTheUpstream(t *testing.T) {
	for name, ask := range map[string]func(*testing.T, net.Conn){
		"HTTP/1.1": func(_ *testing.T, client net.Conn) { _, _ = io.WriteString(client, getAnswer) },
		"HTTP/2":   func(t *testing.T, client net.Conn) { sendByHTTP2(t, client, http.MethodGet, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const wait = 10 * time.Second // for the upstream, which is no fault of the client's
				gone := make(chan struct{})
				p := newPiped(t, func(w http.ResponseWriter, _ *http.Request) {
					defer close(gone)
					time.Sleep(wait)
					// Of an answer whose length is not known httputil has a timer that waits for
					// a lock, and synctest for it.
					w.Header().Set("Content-Length", "1073741824")
					for {
						if _, err := w.Write(piece); err != nil {
							return
						}
					}
				})
				end := time.Now().Add(wait + writeTimeout)
				ask(t, p.client)
				time.Sleep(time.Until(end) - time.Nanosecond)
				synctest.Wait()
				select {
				case <-gone:
					t.Error("the upstream is given up too soon")
				default:
				}
				if got := p.inFlight(t); got != "1" {
					t.Errorf("%s requests in flight before", got)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				select {
				case <-gone:
				default:
					t.Error("the upstream is not given up")
				}
				if got := p.inFlight(t); got != "0" {
					t.Errorf("%s requests in flight afterwards", got)
				}
				var logged struct{ Reason string }
				if err := json.Unmarshal(p.log.Bytes(), &logged); err != nil || logged.Reason != "client_closed" {
					t.Errorf("logged %s, %v", p.log.Bytes(), err)
				}
			})
		})
	}
}
