package metrics_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postern/metrics"
	"postern/policy"

	"github.com/google/go-cmp/cmp"
)

func TestConcurrentRequestsAreAllCounted(t *testing.T) {
	r := metrics.New("", "")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for code := 200; code < 300; code++ {
				r.Route("chat").Request(http.MethodGet, code, 0)
				r.Route("chat").Decision("widget", "deny", policy.BadSignature)
			}
		})
	}
	all.Wait()
	want := []string{
		`postern_decisions_total{authenticator="widget",decision="deny",reason="bad_signature",route="chat"} 800`,
		`postern_request_duration_seconds_count{route="chat"} 800`,
		`postern_requests_total{code="299",method="GET",route="chat"} 8`,
	}
	got := ours(t, r, "postern_decisions_total", "postern_request_duration_seconds_count", `postern_requests_total{code="299"`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestForgettingUnderLoad reloads while old requests go on and end later:
// whatever the interleaving, what was forgotten has no series at the end.
func TestForgettingUnderLoad(t *testing.T) {
	r := metrics.New("", "")
	var reloaded atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		route, upstream, authenticator := r.Route("chat"), r.Upstream("chat"), r.Authenticator("widget")
		all.Go(func() {
			for code, last := 200, false; !last; code++ {
				last = reloaded.Load()
				route.Request(http.MethodGet, 200+code%400, time.Millisecond)
				route.Decision("widget", "deny", policy.Reason(code%30))
				upstream.Observe(time.Millisecond)
				authenticator.Observe("hit", time.Microsecond)
				authenticator.SecretUsed("2026")
				r.UnknownKid("idp")
			}
		})
	}
	for range 100 {
		r.KeysLoaded("idp", 1)
		serve(r.Route("chat"), http.StatusOK)
		r.ForgetAuthenticators(nil)
		r.ForgetRoutes(nil)
		r.ForgetUpstreams(nil)
		r.ForgetSources(nil)
	}
	reloaded.Store(true)
	all.Wait()
	got := ours(t, r, "postern_request", "postern_decision", "postern_upstream", "postern_secret", "postern_keys")
	if len(got) != 0 {
		t.Errorf("forgotten series came back: %q", got)
	}
}
