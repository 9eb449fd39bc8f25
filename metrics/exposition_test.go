package metrics_test

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"postern/metrics"
	"postern/policy"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// scrape returns the whole exposition.
func scrape(t testing.TB, r *metrics.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// ours returns the lines of the exposition that begin with one of the
// prefixes, or all that are about the program's own families.
func ours(t testing.TB, r *metrics.Registry, prefixes ...string) []string {
	t.Helper()
	if len(prefixes) == 0 {
		prefixes = []string{"postern_", "# HELP postern_", "# TYPE postern_"}
	}
	var lines []string
	for line := range strings.Lines(scrape(t, r)) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return lines
}

// day plays every part that other rooms have, once.
func day() *metrics.Registry {
	at := time.Date(2026, 11, 5, 12, 0, 0, 250e6, time.UTC)
	r := metrics.New("1.2.3", "go1.26")
	r.Reloaded(true, at)
	r.Reloaded(false, at.Add(time.Hour))

	r.KeysLoaded("idp", 3)
	r.KeysRefreshed("idp", true, at)
	r.KeysRefreshed("idp", false, at.Add(time.Minute))
	r.UnknownKid("idp")
	r.KeysKept("idp", true)
	r.KeysRestored("backup", at.Add(-time.Hour))

	r.SecretNotAfter("widget", "2026-11", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
	r.Authenticator("widget").SecretUsed("2026-11")
	r.CacheHit()
	r.CacheMiss()
	r.CacheMiss()
	r.CacheEvicted(4)
	r.CacheEntries(17)
	r.Stripped(1, 0, 0)
	r.Stripped(1, 2, 3)
	r.TLSNotAfter(at)
	r.InFlight(+2)
	r.InFlight(-1)

	chat := r.Route("chat")
	chat.Request(http.MethodGet, http.StatusOK, 20*time.Millisecond)
	chat.Request(http.MethodGet, http.StatusOK, 40*time.Second)
	chat.Request("BREW", 1000, time.Millisecond)
	chat.Decision("widget", "allow", policy.ReasonNone)
	chat.Decision("widget", "deny", policy.TokenExpired)
	chat.Decision("project+widget", "report_deny", policy.IdentityMismatch)
	r.Route("").Request(http.MethodPost, http.StatusNotFound, 0)
	r.Route("").Decision("", "deny", policy.NoRoute)
	r.Authenticator("widget").Observe("hit", 3*time.Microsecond)
	r.Authenticator("widget").Observe("miss", 300*time.Microsecond)
	r.Authenticator("").Observe("", 500*time.Nanosecond)
	r.Upstream("data").Observe(7 * time.Millisecond)
	return r
}

func TestExposition(t *testing.T) {
	const golden = "testdata/exposition.txt"
	got := strings.Join(ours(t, day()), "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

func TestExpositionLint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, day()))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestRuntimeCollectors(t *testing.T) {
	for _, family := range []string{"go_goroutines", "process_start_time_seconds"} {
		if len(ours(t, metrics.New("", ""), family)) == 0 {
			t.Errorf("no %s", family)
		}
	}
}

func TestHandlerNeverCompresses(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Accept-Encoding", "gzip, zstd")
	w := httptest.NewRecorder()
	day().Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, req)
	if got := w.Header().Get("Content-Encoding"); got != "" {
		t.Errorf("Content-Encoding %q", got)
	}
}

// brokenPipe is a client that went away with a very long error.
type brokenPipe struct{ *httptest.ResponseRecorder }

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New(strings.Repeat("é", 1<<20)) }

func TestHandlerLogsBoundedErrors(t *testing.T) {
	var log strings.Builder
	h := day().Handler(slog.New(slog.NewJSONHandler(&log, nil)))
	h.ServeHTTP(brokenPipe{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := log.String(); strings.Count(got, `"level":"ERROR"`) != 1 || len(got) > 2<<10 {
		t.Errorf("%d bytes logged, want one short line: %.200s", len(got), got)
	}
}

// slowPipe is a client that does not read until it is let go.
type slowPipe struct {
	*httptest.ResponseRecorder
	reached chan<- struct{}
	release <-chan struct{}
}

func (p slowPipe) Write([]byte) (int, error) {
	p.reached <- struct{}{}
	<-p.release
	return 0, io.ErrClosedPipe
}

func TestHandlerBoundsScrapes(t *testing.T) {
	h := day().Handler(slog.New(slog.DiscardHandler))
	reached, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	const served = 4
	for range served {
		go func() {
			defer func() { done <- struct{}{} }()
			h.ServeHTTP(slowPipe{httptest.NewRecorder(), reached, release}, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		}()
		<-reached
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	close(release)
	for range served {
		for ended := false; !ended; {
			select {
			case <-reached:
			case <-done:
				ended = true
			}
		}
	}
}
