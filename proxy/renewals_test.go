package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/metrics"
	"postern/policy"
)

// vouching is an authenticator that asks somebody, in place of whom the test answers.
type vouching struct {
	authn.Authenticator // for its carrier
	began               time.Time
	asked               []time.Duration // when, after the beginning
	answer              func(after time.Duration) error
}

func (v *vouching) RenewEvery() time.Duration     { return 30 * time.Second }
func (v *vouching) Same(authn.Inquirer) bool      { return false }
func (v *vouching) Retire()                       {}
func (v *vouching) Vouches(*authn.Verified) error { return nil }

func (v *vouching) Verify(context.Context, authn.Credential, time.Time) (*authn.Verified, authn.CacheUse, error) {
	after := time.Since(v.began)
	v.asked = append(v.asked, after)
	if err := v.answer(after); err != nil {
		return nil, authn.CacheMiss, err
	}
	return &authn.Verified{Identity: policy.Identity{Authenticator: "opaque"}}, authn.CacheMiss, nil
}

// newVouching returns one, and the generation that it guards.
func newVouching(t *testing.T, registry *metrics.Registry, answer func(after time.Duration) error) (*vouching, *State) {
	t.Helper()
	var problems policy.Problems
	token := authn.NewToken("opaque", &authn.TokenSettings{CarrierSettings: authn.CarrierSettings{Header: "X-Key"}}, keys.Loader{}, nil, &problems)
	v := &vouching{Authenticator: token, began: time.Now(), answer: answer}
	pattern, err := policy.ParsePattern("/")
	if err != nil {
		t.Fatal(err)
	}
	var route policy.RouteSettings
	route.SetDefaults()
	route.Match, route.Authenticate = policy.OneOrMore[policy.Pattern]{*pattern}, []policy.OneOrMore[string]{{"opaque"}}
	routes := policy.NewRoutes([]policy.RouteSettings{route}, policy.Common{})
	routes[0].Streams = policy.NewStreams()
	matcher, conflicts := policy.NewMatcher(routes)
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	g := gate.New(gate.Settings{Routes: routes, Matcher: matcher, Authenticators: map[string]authn.Authenticator{"opaque": v}})
	return v, NewState(StateSettings{Gate: g, Routes: routes, Metrics: registry})
}

// endless is a conduit that flows until it is told to end.
type endless struct{ ended chan streamEnd }

func (e endless) finish(end streamEnd) { e.ended <- end }
func (e endless) sever()               {}

// watched is a stream that stands on the word of somebody else.
type watched struct {
	*vouching
	*streams
	stream  *stream
	current atomic.Pointer[State]
	ended   chan streamEnd
	log     bytes.Buffer
}

// watch runs test beside a registry of one stream, under a clock of its own.
func watch(t *testing.T, answer func(after time.Duration) error, test func(t *testing.T, w *watched, registry *metrics.Registry)) {
	synctest.Test(t, func(t *testing.T) {
		registry := metrics.New("", "")
		w := &watched{ended: make(chan streamEnd, 1)}
		v, state := newVouching(t, registry, answer)
		w.vouching, w.streams = v, newStreams(&w.current, registry, slog.New(slog.NewJSONHandler(&w.log, nil)))
		var d gate.Decision
		state.gate.Decide(t.Context(), &gate.Request{
			Method: http.MethodGet, Host: "postern", Target: "/", URL: &url.URL{Path: "/"}, Header: http.Header{"X-Key": {"a"}}, Time: time.Now(),
		}, &d)
		if d.Denial != nil {
			t.Fatal(d.Denial)
		}
		v.asked = nil
		w.stream = &stream{admission: d.Admission(), opened: time.Now(), metrics: state.routes[0].metrics, conduit: endless{w.ended}}
		w.stream.renewal.at = time.Now().Add(v.RenewEvery())
		w.current.Store(state)
		w.add(w.stream, state)
		test(t, w, registry)
		w.left(w.stream, endClient)
		w.close()
	})
}

// A service is asked as often as its answers count, and no more often where it does
// not give any; the first answer that says so ends the stream.
func TestRenewals(t *testing.T) {
	outage := policy.Fail(policy.IntrospectionUnavailable, errors.New("down"))
	answer := func(after time.Duration) error {
		switch {
		case after < 100*time.Second:
			return nil
		case after < 160*time.Second:
			return outage
		case after < 200*time.Second:
			panic("it is broken")
		}
		return policy.Deny(policy.InactiveToken, "")
	}
	watch(t, answer, func(t *testing.T, w *watched, _ *metrics.Registry) {
		if got, want := <-w.ended, endFor(policy.InactiveToken); got != want {
			t.Errorf("ended: %+v, want %+v", got, want)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{30, 60, 90, 120, 150, 180, 210}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, w.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if n := strings.Count(w.log.String(), "without an answer"); n != 1 {
			t.Errorf("logged %d outages:\n%s", n, &w.log)
		}
	})
}

// An answer that comes after a reload counts no more: whoever is in force by then is
// asked.
func TestRenewalDuringAReload(t *testing.T) {
	slow := func(after time.Duration) error {
		if after > 0 {
			time.Sleep(5 * time.Second)
			return policy.Deny(policy.InactiveToken, "")
		}
		return nil
	}
	watch(t, slow, func(t *testing.T, w *watched, registry *metrics.Registry) {
		time.Sleep(31 * time.Second)
		synctest.Wait()
		after, state := newVouching(t, registry, func(time.Duration) error { return nil })
		w.current.Store(state)
		w.rematch()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(w.asked) != 1 || len(after.asked) != 1 || len(w.ended) != 0 {
			t.Errorf("asked at %v before and %v after, ended %d", w.asked, after.asked, len(w.ended))
		}
	})
}
