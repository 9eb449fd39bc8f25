package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// source counts one source of keys.
type source struct {
	loaded      series[only, prometheus.Gauge]
	refreshes   series[value, prometheus.Counter]
	lastSuccess series[only, prometheus.Gauge]
	unknownKid  series[only, prometheus.Counter]
	kept        series[value, prometheus.Counter]
}

func sourcesOf(f family) func(name string) *source {
	loaded := f.gauge("keys_loaded", "Usable keys of a source.", "source")
	refreshes := f.counter("keys_refresh_total", "Refreshes of a source.", "source", "result")
	lastSuccess := f.gauge("keys_last_success_timestamp_seconds", "Unix time of the last successful refresh of a source.", "source")
	unknownKid := f.counter("keys_unknown_kid_total", "Tokens that named a key that the source does not have.", "source")
	kept := f.counter("keys_kept_total", "Last good copies of a source that were written to state_dir, or could not be.", "source", "result")
	return func(name string) *source {
		s := &source{
			loaded:      series[only, prometheus.Gauge]{vector: loaded, owner: name},
			refreshes:   series[value, prometheus.Counter]{vector: refreshes, owner: name},
			lastSuccess: series[only, prometheus.Gauge]{vector: lastSuccess, owner: name},
			unknownKid:  series[only, prometheus.Counter]{vector: unknownKid, owner: name},
			kept:        series[value, prometheus.Counter]{vector: kept, owner: name},
		}
		// A rate sees the first failure only where the series began at zero.
		s.refreshes.at(success)
		s.refreshes.at(failure)
		s.unknownKid.at(only{})
		return s
	}
}

// KeysLoaded says how many usable keys a source has now.
func (r *Registry) KeysLoaded(source string, n int) {
	if g, ok := r.sources.of(source).loaded.at(only{}); ok {
		g.Set(float64(n))
	}
}

// KeysRefreshed counts a refresh that ended at a time.
func (r *Registry) KeysRefreshed(source string, ok bool, at time.Time) {
	s := r.sources.of(source)
	result := value(failure)
	if ok {
		result = success
		if g, ok := s.lastSuccess.at(only{}); ok {
			g.Set(unixSeconds(at))
		}
	}
	if c, ok := s.refreshes.at(result); ok {
		c.Inc()
	}
}

// KeysRestored says that the keys of a source are those of a refresh at a time,
// before this process began.
func (r *Registry) KeysRestored(source string, at time.Time) {
	if g, ok := r.sources.of(source).lastSuccess.at(only{}); ok {
		g.Set(unixSeconds(at))
	}
}

// KeysKept counts an attempt to write the last good copy of a source.
func (r *Registry) KeysKept(source string, ok bool) {
	kept := &r.sources.of(source).kept
	succeeded, _ := kept.at(success)
	failed, known := kept.at(failure)
	switch {
	case !known: // forgotten
	case ok:
		succeeded.Inc()
	default:
		failed.Inc()
	}
}

// UnknownKid counts a token that named a key that the source does not have.
// Requests may outlive their source, so only a source that has loaded or
// refreshed and is not forgotten is counted.
func (r *Registry) UnknownKid(source string) {
	if s, ok := r.sources.find(source); ok {
		if c, ok := s.unknownKid.at(only{}); ok {
			c.Inc()
		}
	}
}

// ForgetSources deletes the series of all sources but those of keep. The
// refreshers of the others must have stopped: what they say later counts as new.
func (r *Registry) ForgetSources(keep map[string]bool) { r.sources.forget(named(keep)) }

func (s *source) detach() {
	s.loaded.detach()
	s.refreshes.detach()
	s.lastSuccess.detach()
	s.unknownKid.detach()
	s.kept.detach()
}
