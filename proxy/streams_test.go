package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"postern/authn"
	"postern/gate"
	"postern/metrics"
	"postern/policy"
)

// newGeneration returns one that serves / by an upstream, which may be nil.
func newGeneration(t *testing.T, registry *metrics.Registry, u *Upstream) *State {
	t.Helper()
	var s policy.RouteSettings
	s.SetDefaults()
	s.Match = make(policy.OneOrMore[policy.Pattern], 1)
	if err := s.Match[0].UnmarshalText([]byte("/")); err != nil {
		t.Fatal(err)
	}
	s.Authenticate = []policy.OneOrMore[string]{{authn.AnonymousName}}
	routes := policy.NewRoutes([]policy.RouteSettings{s}, policy.Common{})
	routes[0].Streams = policy.NewStreams()
	matcher, conflicts := policy.NewMatcher(routes)
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	return NewState(StateSettings{
		Gate: gate.New(gate.Settings{Routes: routes, Matcher: matcher}), Routes: routes, Upstreams: map[string]*Upstream{"": u},
		BodyTimeout: 30 * time.Second, Requests: 1, Metrics: registry,
	})
}

// newTestStream returns a stream that a generation has let through.
func newTestStream(t *testing.T, state *State) *stream {
	t.Helper()
	var d gate.Decision
	state.gate.Decide(t.Context(), &gate.Request{Method: http.MethodGet, Host: "postern", URL: &url.URL{Path: "/"}, Time: time.Now()}, &d)
	if d.Denial != nil {
		t.Fatal(d.Denial)
	}
	return &stream{admission: d.Admission(), opened: time.Now(), conduit: deaf{}, metrics: state.routes[0].metrics}
}

// deaf is a conduit that never ends.
type deaf struct{}

func (deaf) finish(streamEnd) {}
func (deaf) sever()           {}

// A stream that begins while generations follow each other is held to the last of
// them, also where that comes in between.
func TestStreamBeginsBetweenGenerations(t *testing.T) {
	registry := metrics.New("", "")
	first, second, last := newGeneration(t, registry, nil), newGeneration(t, registry, nil), newGeneration(t, registry, nil)
	h := NewHandler(first, registry, slog.New(slog.NewTextHandler(io.Discard, nil)))
	route := newTestStream(t, last).admission.Route
	for range 300 {
		h.Swap(second)
		s := newTestStream(t, first)
		var added sync.WaitGroup
		added.Go(func() { h.streams.add(s, first) })
		for begun := false; !begun; {
			h.streams.mu.Lock()
			if _, begun = h.streams.open[s]; begun {
				time.Sleep(50 * time.Microsecond) // it may go on, to where it waits
				h.state.Store(last)
				h.streams.hold(s, last)
			}
			h.streams.mu.Unlock()
		}
		added.Wait()
		h.streams.mu.Lock()
		got := s.admission.Route
		h.streams.mu.Unlock()
		if got != route {
			t.Fatal("held to a generation that is over")
		}
		h.streams.left(s, endClient)
	}
	h.Close()
}
