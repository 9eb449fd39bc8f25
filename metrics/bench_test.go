package metrics_test

import (
	"net/http"
	"testing"
	"time"

	"postern/metrics"
	"postern/policy"
)

// count is everything that a served request counts on its handles.
func count(route *metrics.Route, authenticator *metrics.Authenticator, upstream *metrics.Upstream) {
	route.Request(http.MethodPost, http.StatusOK, 20*time.Millisecond)
	route.Decision("widget", "allow", policy.ReasonNone)
	authenticator.Observe("hit", 3*time.Microsecond)
	authenticator.SecretUsed("2026")
	upstream.Observe(7 * time.Millisecond)
}

func TestWarmPathDoesNotAllocate(t *testing.T) {
	r := metrics.New("", "")
	route, authenticator, upstream := r.Route("chat"), r.Authenticator("widget"), r.Upstream("chat")
	if n := testing.AllocsPerRun(100, func() { count(route, authenticator, upstream) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	route := metrics.New("", "").Route("chat")
	b.ReportAllocs()
	for b.Loop() {
		route.Request(http.MethodPost, http.StatusOK, 20*time.Millisecond)
	}
}

func BenchmarkDecision(b *testing.B) {
	route := metrics.New("", "").Route("chat")
	b.ReportAllocs()
	for b.Loop() {
		route.Decision("widget", "allow", policy.ReasonNone)
	}
}

func BenchmarkServedRequest(b *testing.B) {
	r := metrics.New("", "")
	route, authenticator, upstream := r.Route("chat"), r.Authenticator("widget"), r.Upstream("chat")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			count(route, authenticator, upstream)
		}
	})
}

// BenchmarkManyRoutes shows what a route that serves nothing costs in memory.
func BenchmarkManyRoutes(b *testing.B) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = "route-" + time.Duration(i).String()
	}
	b.ReportAllocs()
	for b.Loop() {
		r := metrics.New("", "")
		for _, name := range names {
			r.Route(name)
		}
	}
}
