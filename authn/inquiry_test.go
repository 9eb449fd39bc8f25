package authn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// server is a service without a network, so that a test can hold its clock. It
// knows tokens by what it answers to them.
type server struct {
	mu     sync.Mutex
	asked  []string // tokens
	status int
	delay  time.Duration
	fault  error // in place of any answer
	panics bool
	answer func(token string) string
}

// RoundTrip answers a question of RFC 7662, or a call with a Bearer token.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.Body != nil {
		_ = r.ParseForm()
		token = r.PostForm.Get("token")
	}
	s.mu.Lock()
	s.asked = append(s.asked, token)
	status, delay, fault, panics := s.status, s.delay, s.fault, s.panics
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if panics {
		panic("the transport is broken")
	}
	if fault != nil {
		return nil, fault
	}
	return &http.Response{StatusCode: max(status, http.StatusOK), Body: io.NopCloser(strings.NewReader(s.answer(token))), Request: r}, nil
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// questions returns the tokens that were asked about since the last call.
func (s *server) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// active answers that a token is good, and its customer's own name.
func active(token string) string {
	return fmt.Sprintf(`{"active":true,"aud":"chat","sub":"owner of %s"}`, token)
}

func introspectionSettings(t testing.TB, edit func(s *authn.IntrospectionSettings)) *authn.IntrospectionSettings {
	t.Helper()
	s := new(authn.IntrospectionSettings)
	s.SetDefaults()
	s.URL, s.ClientID, s.ClientSecret = "http://127.0.0.1:1/introspect", "postern", keys.Value{Literal: "secret"}
	s.Audience, s.CustomerID = policy.OneOrMore[string]{"chat"}, reference(t, "claims.sub")
	if edit != nil {
		edit(s)
	}
	var problems policy.Problems
	if s.Check(nil, &problems); problems.List != nil {
		t.Fatalf("settings at fault: %v", problems.List)
	}
	return s
}

// newIntrospection makes an authenticator that asks s, over a cache of its own.
func newIntrospection(t testing.TB, s *server, edit func(s *authn.IntrospectionSettings)) *authn.Introspection {
	t.Helper()
	i := authn.NewIntrospection("opaque", introspectionSettings(t, edit), []byte("secret"), newCache(&observer{}), tokenBytes)
	authn.SetTransport(i, s)
	return i
}

// outcome is what came of a verification.
type outcome struct {
	Customer any
	Reason   policy.Reason
	Cache    authn.CacheUse
}

func ask(ctx context.Context, a authn.Authenticator, c authn.Credential, moment time.Time) outcome {
	v, cache, err := a.Verify(ctx, c, moment)
	o := outcome{Reason: policy.ReasonOf(err), Cache: cache}
	if v != nil {
		o.Customer = v.Customer
	}
	return o
}

func expect[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestConcurrentQuestions: all who ask the same at the same time share one answer,
// and nobody gets that to another question.
func TestConcurrentQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: active, delay: time.Second}
		i := newIntrospection(t, s, nil)
		const callers, tokens = 40, 4
		outcomes := make([]outcome, callers)
		var all sync.WaitGroup
		for n := range callers {
			all.Go(func() {
				outcomes[n] = ask(t.Context(), i, authn.Credential{Value: fmt.Sprintf("token-%d", n%tokens)}, time.Now())
			})
		}
		all.Wait()
		for n, got := range outcomes {
			expect(t, fmt.Sprint("caller ", n), outcome{Customer: fmt.Sprintf("owner of token-%d", n%tokens), Cache: authn.CacheMiss}, got)
		}
		if asked := s.questions(); len(asked) != tokens {
			t.Errorf("asked %q", asked)
		}
	})
}

// TestCallersWhoLeave: the first caller's client goes away, and a waiting one's.
// Neither fails those who stay, nor is anything asked twice.
func TestCallersWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: active, delay: time.Second}
		i := newIntrospection(t, s, nil)
		leaving, leave := context.WithCancel(t.Context())
		outcomes := make([]outcome, 3)
		var all sync.WaitGroup
		for n, ctx := range []context.Context{leaving, leaving, t.Context()} {
			all.Go(func() { outcomes[n] = ask(ctx, i, authn.Credential{Value: "token"}, time.Now()) })
			synctest.Wait() // each one comes after the other
		}
		leave()
		synctest.Wait()
		expect(t, "who waited and left", outcome{Reason: policy.ClientClosed, Cache: authn.CacheMiss}, outcomes[1])
		all.Wait()
		want := outcome{Customer: "owner of token", Cache: authn.CacheMiss}
		expect(t, "who was first and left", want, outcomes[0])
		expect(t, "who stayed", want, outcomes[2])
		expect(t, "questions", []string{"token"}, s.questions())
	})
}

// TestPanicOfAQuestion: who waits for a question that panics is not left waiting,
// nor let in.
func TestPanicOfAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: active, delay: time.Second, panics: true}
		i := newIntrospection(t, s, nil)
		var all sync.WaitGroup
		all.Go(func() {
			defer func() { _ = recover() }()
			ask(t.Context(), i, authn.Credential{Value: "token"}, time.Now())
			t.Error("no panic")
		})
		synctest.Wait()
		expect(t, "who waited", outcome{Reason: policy.Internal, Cache: authn.CacheMiss}, ask(t.Context(), i, authn.Credential{Value: "token"}, time.Now()))
		all.Wait()
		s.set(func(s *server) { s.panics = false })
		expect(t, "afterwards", outcome{Customer: "owner of token", Cache: authn.CacheMiss}, ask(t.Context(), i, authn.Credential{Value: "token"}, time.Now()))
	})
}

// TestAnswersAreKept: an answer counts for cache_ttl, never beyond its exp, and a
// refusal for 5 seconds at most.
func TestAnswersAreKept(t *testing.T) {
	s := &server{answer: func(token string) string {
		switch token {
		case "short":
			return fmt.Sprintf(`{"active":true,"aud":"chat","sub":"ann","exp":%d}`, now+10)
		case "ending":
			return fmt.Sprintf(`{"active":true,"aud":"chat","sub":"ann","exp":%d}`, now-10)
		case "gone":
			return `{"active":false}`
		case "foreign":
			return `{"active":true,"aud":"billing","sub":"ann"}`
		case "broken":
			return `{"active":"true"}`
		}
		return `{"active":true,"aud":"chat","sub":"ann"}`
	}}
	never := func(s *authn.IntrospectionSettings) { s.CacheTTL = 0 }
	brief := func(s *authn.IntrospectionSettings) { s.CacheTTL = policy.Duration(2 * time.Second) }
	for _, test := range []struct {
		token   string
		edit    func(s *authn.IntrospectionSettings)
		kept    time.Duration // the last moment at which nothing is asked
		dropped time.Duration
		reason  policy.Reason
	}{
		{"plain", nil, 30*time.Second - 1, 30 * time.Second, policy.ReasonNone},
		{"plain", brief, 2*time.Second - 1, 2 * time.Second, policy.ReasonNone},
		{"plain", never, -1, 0, policy.ReasonNone},
		{"short", nil, 10*time.Second - 1, 10 * time.Second, policy.ReasonNone},
		{"ending", nil, -1, 0, policy.ReasonNone}, // within the clock skew, and never kept
		{"gone", nil, 5*time.Second - 1, 5 * time.Second, policy.InactiveToken},
		{"gone", brief, 2*time.Second - 1, 2 * time.Second, policy.InactiveToken},
		{"gone", never, -1, 0, policy.InactiveToken},
		{"foreign", nil, 5*time.Second - 1, 5 * time.Second, policy.WrongAudience},
		{"broken", nil, -1, 0, policy.IntrospectionUnavailable},
	} {
		i := newIntrospection(t, s, test.edit)
		for _, step := range []struct {
			after time.Duration
			asks  bool
		}{{0, true}, {test.kept, false}, {test.dropped, true}} {
			if step.after < 0 {
				continue
			}
			got := ask(t.Context(), i, authn.Credential{Value: test.token}, at.Add(step.after))
			want := authn.CacheHit
			if step.asks {
				want = authn.CacheMiss
			}
			if asked := s.questions(); got.Reason != test.reason || got.Cache != want || (len(asked) > 0) != step.asks {
				t.Errorf("%s after %s: %+v, asked %q", test.token, step.after, got, asked)
			}
		}
	}
}

// TestStaleAnswers: what was known is not used any longer in an outage.
func TestStaleAnswers(t *testing.T) {
	s := &server{answer: active}
	i := newIntrospection(t, s, nil)
	credential := authn.Credential{Value: "token"}
	ask(t.Context(), i, credential, at)
	s.set(func(s *server) { s.fault = errors.New("down") })
	expect(t, "within cache_ttl", outcome{Customer: "owner of token", Cache: authn.CacheHit}, ask(t.Context(), i, credential, at.Add(29*time.Second)))
	expect(t, "after it", outcome{Reason: policy.IntrospectionUnavailable, Cache: authn.CacheMiss}, ask(t.Context(), i, credential, at.Add(30*time.Second)))
}

// TestStandingOfAnOpaqueToken: a stream may outlive the answer, but never the token.
func TestStandingOfAnOpaqueToken(t *testing.T) {
	s := &server{answer: func(string) string { return fmt.Sprintf(`{"active":true,"aud":"chat","sub":"ann","exp":%d}`, now+600) }}
	v, _, err := newIntrospection(t, s, nil).Verify(t.Context(), authn.Credential{Value: "token"}, at)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]policy.Reason{0: policy.ReasonNone, 599 * time.Second: policy.ReasonNone, 630 * time.Second: policy.TokenExpired} {
		if got := policy.ReasonOf(v.Standing(at.Add(after))); got != want {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
	}
}

// BenchmarkKnownOpaqueToken verifies a token whose answer is kept.
func BenchmarkKnownOpaqueToken(b *testing.B) {
	i := newIntrospection(b, &server{answer: active}, nil)
	credential := authn.Credential{Value: "token"}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := i.Verify(b.Context(), credential, at); err != nil {
			b.Fatal(err)
		}
	}
}
