package proxy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/policy"
)

// sampleAttributes are those of an ordinary request.
func sampleAttributes() []slog.Attr {
	at := time.Date(2026, 11, 22, 9, 8, 7, 0, time.UTC)
	x := &exchange{
		state: new(State), method: http.MethodGet, client: netip.MustParseAddr("192.0.2.7"), request: gate.Request{ID: "6QTGUYAYGZHX5SFRI2FSOXEPW7"},
		decision: gate.Decision{Authenticator: "customers", Verified: &authn.Verified{Identity: policy.Identity{Tenant: "project-4711"}}},
		began:    at, decided: at.Add(5_432), answered: at.Add(1_111_111),
	}
	return x.attributes(nil, nil, "allow", policy.ReasonNone, http.StatusOK, at.Add(1_234_567))
}

// expectedLine is what log/slog makes of a request.
func expectedLine(s LogSettings, at time.Time, level slog.Level, attrs []slog.Attr) string {
	var out bytes.Buffer
	r := slog.NewRecord(at, level, "request", 0)
	r.AddAttrs(attrs...)
	_ = s.Handler(&out).Handle(context.Background(), r)
	return out.String()
}

// The line of a request is the one that log/slog makes, whoever makes it.
func TestRequestLine(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 8, 7, 123_456_000, time.FixedZone("", 3600))
	for name, test := range map[string]struct {
		at     time.Time
		attrs  []slog.Attr
		simple bool // made without log/slog
	}{
		"of a request":   {at, sampleAttributes(), true},
		"none":           {at, nil, true},
		"UTC":            {at.UTC(), nil, true},
		"whole seconds":  {at.Truncate(time.Second), nil, true},
		"now":            {time.Now(), nil, true},
		"year 10000":     {at.AddDate(8000, 0, 0), nil, false},
		"before Christ":  {at.AddDate(-3000, 0, 0), nil, false},
		"plain texts":    {at, []slog.Attr{slog.String("a", ""), slog.String("b", " !#[]^~</&>'")}, true},
		"a quote":        {at, []slog.Attr{slog.String("a", `say "x"`)}, false},
		"a backslash":    {at, []slog.Attr{slog.String("a", `\`)}, false},
		"control":        {at, []slog.Attr{slog.String("a", "\x00\b\t\r\n\x1f")}, false},
		"delete":         {at, []slog.Attr{slog.String("a", "\x7f")}, false},
		"invalid UTF-8":  {at, []slog.Attr{slog.String("a", "x\xffy\xc0\x80")}, false},
		"separators":     {at, []slog.Attr{slog.String("a", "\u2028\u2029")}, false},
		"other scripts":  {at, []slog.Attr{slog.String("a", "größer, 中")}, false},
		"integers":       {at, []slog.Attr{slog.Int("a", 0), slog.Int64("b", math.MinInt64), slog.Int64("c", math.MaxInt64)}, true},
		"durations":      {at, []slog.Attr{slog.Float64("a", 0), slog.Float64("b", 1e-6), slog.Float64("c", 30), slog.Float64("d", 86400.000000001)}, true},
		"large":          {at, []slog.Attr{slog.Float64("a", 999999999999999868928)}, true},
		"a small number": {at, []slog.Attr{slog.Float64("a", 1e-9)}, false},
		"too large":      {at, []slog.Attr{slog.Float64("a", 1e21)}, false},
		"negative":       {at, []slog.Attr{slog.Float64("a", -1.5)}, false},
		"negative zero":  {at, []slog.Attr{slog.Float64("a", math.Copysign(0, -1))}, false},
		"no number":      {at, []slog.Attr{slog.Float64("a", math.NaN()), slog.Float64("b", math.Inf(1))}, false},
		"other kinds":    {at, []slog.Attr{slog.Bool("a", true), slog.Any("b", []int{1}), slog.Group("c", slog.Int("d", 1))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 1} {
				if _, ok := appendLine(nil, test.at, level, test.attrs); ok != test.simple {
					t.Errorf("made without log/slog: %t", ok)
				}
				for _, s := range []LogSettings{{Format: "json"}, {Format: "text"}} {
					var queued, direct bytes.Buffer
					q := NewLogQueue(&queued)
					for _, log := range []*slog.Logger{q.Logger(s), slog.New(s.Handler(&direct))} {
						requests := newRequestLog(log)
						requests.write(due, test.at, level, test.attrs)
					}
					q.Close(t.Context())
					want := expectedLine(s, test.at, level, test.attrs)
					if diff := cmp.Diff([]string{want, want}, []string{queued.String(), direct.String()}); diff != "" {
						t.Errorf("%s: %s", s.Format, diff)
					}
				}
			}
		})
	}
}

// What is below the level of the log is not written.
func TestRequestLineBelowTheLevel(t *testing.T) {
	var out bytes.Buffer
	q := NewLogQueue(&out)
	requests := newRequestLog(q.Logger(LogSettings{}))
	requests.write(due, time.Now(), slog.LevelDebug, nil)
	q.Close(t.Context())
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
}

func FuzzRequestLine(f *testing.F) {
	f.Add(int64(0), int64(0), "", "/v1/{id}", 200, .001)
	f.Add(int64(1795338487), int64(123_456_789), "\xff\u2028", `"\<`, -1, 1e-7)
	f.Add(int64(-62135596800), int64(1), "\n", "=", 0, math.Inf(-1))
	f.Fuzz(func(t *testing.T, seconds, nanoseconds int64, a, b string, n int, x float64) {
		at := time.Unix(seconds, nanoseconds)
		attrs := []slog.Attr{slog.String("a", a), slog.Float64("x", x), slog.Int("n", n), slog.String("b", b)}
		want := expectedLine(LogSettings{}, at, slog.LevelInfo, attrs)
		if got, ok := appendLine(nil, at, slog.LevelInfo, attrs); ok && string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestRequestLineAllocatesNothing(t *testing.T) {
	q := NewLogQueue(io.Discard)
	defer q.Close(t.Context())
	requests, attrs := newRequestLog(q.Logger(LogSettings{})), sampleAttributes()
	if n := testing.AllocsPerRun(1000, func() { requests.write(dispensable, time.Now(), slog.LevelInfo, attrs) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRequestLine compares the line with that of log/slog.
func BenchmarkRequestLine(b *testing.B) {
	q := NewLogQueue(io.Discard)
	b.Cleanup(func() { q.Close(b.Context()) })
	attrs := sampleAttributes()
	for name, log := range map[string]*slog.Logger{"ours": q.Logger(LogSettings{}), "slog": slog.New(q.Handler(LogSettings{}.Handler(q)))} {
		requests := newRequestLog(log)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				requests.write(due, time.Now(), slog.LevelInfo, attrs)
			}
		})
	}
}
