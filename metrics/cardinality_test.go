package metrics_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"postern/metrics"
	"postern/policy"
)

func TestCardinalityAttack(t *testing.T) {
	r := metrics.New("", "")
	route := r.Route("chat")
	for i := range 10_000 {
		route.Request(fmt.Sprintf("METHOD%d", i), i-5_000, time.Millisecond)
		route.Request("get\n\xff", http.StatusOK, time.Millisecond)
	}
	// One series for each code from 100 to 599 and one for all others, with a
	// single method.
	lines := ours(t, r, "postern_requests_total{")
	if len(lines) != 501 {
		t.Errorf("%d series, want 501", len(lines))
	}
	for _, line := range lines {
		if !strings.Contains(line, `method="other"`) {
			t.Errorf("a client's word is a label: %s", line)
		}
	}
}

func TestReasonOutsideTheTable(t *testing.T) {
	r := metrics.New("", "")
	for reason := range 256 {
		r.Route("chat").Decision("", "deny", policy.Reason(reason))
	}
	want := len(policy.Reasons()) + 1 // and none
	if got := len(ours(t, r, "postern_decisions_total{")); got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

func TestIdleRoutesHaveNoSeries(t *testing.T) {
	r := metrics.New("", "")
	before := len(ours(t, r))
	for i := range 10_000 {
		r.Route(fmt.Sprint("route", i))
	}
	if after := len(ours(t, r)); after != before {
		t.Errorf("%d lines, before the routes %d", after, before)
	}
}

func TestHandlesAreKept(t *testing.T) {
	r := metrics.New("", "")
	a, none := r.Route("a"), r.Route("")
	if r.Route("a") != a || r.Route("none") != none || r.Route("b") == a {
		t.Error("a route does not have exactly one handle")
	}
	upstream, authenticator := r.Upstream("a"), r.Authenticator("a")
	if r.Upstream("a") != upstream || r.Authenticator("a") != authenticator {
		t.Error("an upstream or authenticator has two handles")
	}
	r.ForgetRoutes(map[string]bool{"a": true})
	if r.Route("a") != a || r.Route("") != none {
		t.Error("a kept route has a new handle")
	}
}
