package proxy

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"postern/authn"
	"postern/gate"
	"postern/internal/clocktest"
	"postern/policy"
)

// admitted returns the admission of a customer whose credential ends at a time.
func admitted(end time.Time) gate.Admission {
	var d gate.Decision
	gate.New(gate.Settings{}).Begin(&gate.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}}, &d)
	d.Verified = &authn.Verified{Identity: policy.Identity{ExpiresAt: end}}
	return d.Admission()
}

// No stream gets older than it may, and none but the one whose credential has ended
// by the clock is ended, whatever somebody sets that to.
func TestStreamsWhenTheClockIsSet(t *testing.T) {
	opened := time.Now()
	end := time.Unix(opened.Unix(), 0).Add(time.Hour)
	const back, forward = -6 * time.Hour, 6 * time.Hour
	none, expired := streamEnd{}, endFor(policy.TokenExpired)
	lasting := policy.Streams{MaxAge: 12 * time.Hour}
	for name, test := range map[string]struct {
		life       policy.Streams
		expires    time.Time
		drainAt    time.Time
		after, set time.Duration
		want       streamEnd
	}{
		"before its end, set back":       {life: lasting, expires: end, after: 59 * time.Minute, set: back, want: none},
		"at its end":                     {life: lasting, expires: end, after: time.Hour, want: expired},
		"at its end, set back":           {life: lasting, expires: end, after: time.Hour, set: back, want: expired},
		"in its grace, set back":         {life: policy.Streams{Grace: 2 * time.Minute}, expires: end, after: time.Hour + time.Minute, set: back, want: none},
		"after its grace, set back":      {life: policy.Streams{Grace: time.Minute}, expires: end, after: time.Hour + time.Minute, set: back, want: expired},
		"long before, set forward":       {life: lasting, expires: end, after: time.Minute, set: forward, want: expired},
		"before max_age, set forward":    {life: lasting, after: 11 * time.Hour, set: forward, want: none},
		"at max_age, set back":           {life: lasting, after: 12 * time.Hour, set: back, want: endMaxAge},
		"not idle for long, set forward": {life: policy.Streams{Idle: 10 * time.Minute, MaxAge: time.Hour}, after: 9 * time.Minute, set: forward, want: none},
		"idle, set back":                 {life: policy.Streams{Idle: 10 * time.Minute, MaxAge: time.Hour}, after: 10 * time.Minute, set: back, want: endIdle},
		"to be drained, set forward":     {life: lasting, drainAt: opened.Add(time.Minute), after: time.Second, set: forward, want: none},
		"drained, set back":              {life: lasting, drainAt: opened.Add(time.Minute), after: time.Minute, set: back, want: endDrain},
	} {
		s := &stream{admission: admitted(test.expires), opened: opened, route: &policy.Route{Streams: test.life}, drainAt: test.drainAt}
		got, over := s.due(clocktest.Set(t, opened.Add(test.after), test.set))
		if !over {
			got = none
		}
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// A lockout, and the window before it, are as long as they are.
func TestFailuresWhenTheClockIsSet(t *testing.T) {
	addr := netip.MustParseAddr("203.0.113.9")
	for _, d := range []time.Duration{-6 * time.Hour, 0, 6 * time.Hour} {
		f := newTable(1, time.Minute, 10*time.Minute)
		at := func(after, set time.Duration) time.Time { return clocktest.Set(t, f.began.Add(after), set) }
		f.refuse(addr, true, at(0, 0))
		if got := f.refuse(addr, true, at(59*time.Second, d)); got != 10*time.Minute {
			t.Errorf("set by %s within the window: locked out for %s", d, got)
		}
		if got := f.refuse(addr, false, at(5*time.Minute, -d)); got != 5*time.Minute+59*time.Second {
			t.Errorf("set by %s during the lockout: locked out for %s", -d, got)
		}
		if got := f.refuse(addr, false, at(11*time.Minute, d)); got != 0 {
			t.Errorf("set by %s after the lockout: locked out for %s", d, got)
		}
	}
}
