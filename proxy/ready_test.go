package proxy_test

import (
	"testing"
	"time"

	"postern/proxy"
)

// source is a source of keys.
type source struct{ ready, required bool }

func (s *source) Ready() bool    { return s.ready }
func (s *source) Required() bool { return s.required }

func TestReadiness(t *testing.T) {
	deadline := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	early, late := deadline.Add(-time.Nanosecond), deadline
	with, without, needed := &source{ready: true}, &source{}, &source{required: true}
	for _, test := range []struct {
		name        string
		sources     []proxy.KeySource
		early, late bool
	}{
		{"no sources", nil, true, true},
		{"keys", []proxy.KeySource{with}, true, true},
		{"no keys", []proxy.KeySource{with, without}, false, true},
		{"no keys that are required", []proxy.KeySource{with, needed}, false, false},
		{"required keys", []proxy.KeySource{&source{ready: true, required: true}}, true, true},
	} {
		if got := proxy.NewReadiness(deadline, test.sources).Ready(early); got != test.early {
			t.Errorf("%s: ready %t before the deadline", test.name, got)
		}
		if got := proxy.NewReadiness(deadline, test.sources).Ready(late); got != test.late {
			t.Errorf("%s: ready %t at the deadline", test.name, got)
		}
	}
}

// Once ready, an outage or a reload changes nothing; only the end does.
func TestReadinessStays(t *testing.T) {
	deadline := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	at := deadline.Add(-time.Hour)
	keys := &source{}
	r := proxy.NewReadiness(deadline, []proxy.KeySource{keys})
	if r.Ready(at) {
		t.Error("ready without keys")
	}
	r.Replace([]proxy.KeySource{keys, &source{required: true}}, at)
	keys.ready = true
	if r.Ready(at) {
		t.Error("ready without the keys that a reload brought")
	}
	r.Replace([]proxy.KeySource{keys}, at)
	if !r.Ready(at) {
		t.Error("not ready with keys")
	}
	keys.ready = false
	r.Replace([]proxy.KeySource{keys, &source{required: true}}, at)
	if !r.Ready(at) {
		t.Error("an outage makes it unready")
	}
	r.Fail()
	keys.ready = true
	if r.Ready(deadline) {
		t.Error("ready at the end")
	}
}

// A reload keeps what was ready, also where nobody had asked before.
func TestReadinessStaysThroughAReload(t *testing.T) {
	at := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	r := proxy.NewReadiness(at.Add(time.Hour), []proxy.KeySource{&source{ready: true}})
	r.Replace([]proxy.KeySource{&source{required: true}}, at)
	if !r.Ready(at) {
		t.Error("a reload makes it unready")
	}
}
