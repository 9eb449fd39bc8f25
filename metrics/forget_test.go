package metrics_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"postern/metrics"
	"postern/policy"

	"github.com/google/go-cmp/cmp"
)

// samples returns the program's samples that carry a label value, histograms
// by their count alone.
func samples(t testing.TB, r *metrics.Registry, labelled string) []string {
	t.Helper()
	var lines []string
	for _, line := range ours(t, r, "postern_") {
		name, _, _ := strings.Cut(line, "{")
		if strings.Contains(line, `"`+labelled+`"`) && !strings.HasSuffix(name, "_bucket") && !strings.HasSuffix(name, "_sum") {
			lines = append(lines, strings.TrimPrefix(line, "postern_"))
		}
	}
	return lines
}

func serve(route *metrics.Route, code int) {
	route.Request(http.MethodGet, code, time.Millisecond)
	route.Decision("widget", "allow", policy.ReasonNone)
}

func TestForgetRoutes(t *testing.T) {
	r := metrics.New("", "")
	old := r.Route("chat")
	serve(old, http.StatusOK)
	serve(r.Route("data"), http.StatusOK)
	r.ForgetRoutes(map[string]bool{"data": true})

	// A request that outlives its route brings nothing back, warm or cold.
	serve(old, http.StatusOK)
	serve(old, http.StatusTeapot)
	if got := samples(t, r, "chat"); len(got) != 0 {
		t.Errorf("a forgotten route has series: %q", got)
	}

	// A route of the same name starts anew, and the old handle stays apart.
	serve(r.Route("chat"), http.StatusOK)
	serve(old, http.StatusOK)
	want := []string{
		`decisions_total{authenticator="widget",decision="allow",reason="none",route="chat"} 1`,
		`request_duration_seconds_count{route="chat"} 1`,
		`requests_total{code="200",method="GET",route="chat"} 1`,
	}
	if diff := cmp.Diff(want, samples(t, r, "chat")); diff != "" {
		t.Errorf("new route (-want +got):\n%s", diff)
	}
	if got := samples(t, r, "data"); len(got) != 3 {
		t.Errorf("the kept route lost series: %q", got)
	}
}

func TestForgetUpstreams(t *testing.T) {
	r := metrics.New("", "")
	old := r.Upstream("chat")
	old.Observe(time.Millisecond)
	r.Upstream("data").Observe(time.Millisecond)
	r.ForgetUpstreams(map[string]bool{"data": true})
	old.Observe(time.Millisecond)
	want := []string{`postern_upstream_duration_seconds_count{upstream="data"} 1`}
	if diff := cmp.Diff(want, ours(t, r, "postern_upstream_duration_seconds_count")); diff != "" {
		t.Errorf("upstreams (-want +got):\n%s", diff)
	}
}

func TestForgetAuthenticators(t *testing.T) {
	r := metrics.New("", "")
	names := []string{"", "anonymous", "project", "widget", "project+anonymous", "project+widget"}
	for _, name := range names {
		r.Authenticator(name).Observe("none", time.Microsecond)
		r.Route("chat").Decision(name, "allow", policy.ReasonNone)
	}
	r.Authenticator("widget").SecretUsed("2026")
	r.SecretNotAfter("widget", "2026", time.Unix(1, 0))
	r.ForgetAuthenticators(map[string]bool{"project": true})

	want := []string{
		`postern_decision_duration_seconds_count{authenticator="anonymous",cache="none"} 1`,
		`postern_decision_duration_seconds_count{authenticator="none",cache="none"} 1`,
		`postern_decision_duration_seconds_count{authenticator="project",cache="none"} 1`,
		`postern_decision_duration_seconds_count{authenticator="project+anonymous",cache="none"} 1`,
		`postern_decisions_total{authenticator="anonymous",decision="allow",reason="none",route="chat"} 1`,
		`postern_decisions_total{authenticator="none",decision="allow",reason="none",route="chat"} 1`,
		`postern_decisions_total{authenticator="project",decision="allow",reason="none",route="chat"} 1`,
		`postern_decisions_total{authenticator="project+anonymous",decision="allow",reason="none",route="chat"} 1`,
	}
	got := ours(t, r, "postern_decision_duration_seconds_count", "postern_decisions_total", "postern_secret")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("authenticators (-want +got):\n%s", diff)
	}
}

func TestForgetSecrets(t *testing.T) {
	r := metrics.New("", "")
	for _, id := range []string{"2025", "2026", "2027"} {
		r.Authenticator("widget").SecretUsed(id)
		r.SecretNotAfter("widget", id, time.Unix(1, 0))
	}
	r.SecretNotAfter("widget", "2027", time.Time{})
	r.ForgetSecrets("widget", map[string]bool{"2026": true, "2027": true})
	r.ForgetSecrets("never seen", nil)
	want := []string{
		`postern_secret_not_after_timestamp_seconds{authenticator="widget",id="2026"} 1`,
		`postern_secret_used_total{authenticator="widget",id="2026"} 1`,
		`postern_secret_used_total{authenticator="widget",id="2027"} 1`,
	}
	if diff := cmp.Diff(want, ours(t, r, "postern_secret")); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestForgetSources(t *testing.T) {
	r := metrics.New("", "")
	for _, source := range []string{"idp", "static"} {
		r.KeysLoaded(source, 1)
	}
	r.KeysRefreshed("idp", true, time.Unix(1, 0))
	r.ForgetSources(map[string]bool{"static": true})
	r.UnknownKid("idp")
	r.UnknownKid("static")
	want := []string{
		`postern_keys_loaded{source="static"} 1`,
		`postern_keys_refresh_total{result="failure",source="static"} 0`,
		`postern_keys_refresh_total{result="success",source="static"} 0`,
		`postern_keys_unknown_kid_total{source="static"} 1`,
	}
	if diff := cmp.Diff(want, ours(t, r, "postern_keys")); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}
