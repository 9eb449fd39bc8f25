package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// file tells when a watched file was last of use.
type file struct {
	lastSuccess series[only, prometheus.Gauge]
}

func filesOf(f family) func(source string) *file {
	lastSuccess := f.gauge("file_last_success_timestamp_seconds", "Unix time at which a file last held what is in force.", "source")
	return func(source string) *file {
		return &file{series[only, prometheus.Gauge]{vector: lastSuccess, owner: source}}
	}
}

// FileGood says that a file that is watched holds, at a time, what is in force.
func (r *Registry) FileGood(source string, at time.Time) {
	f, watched := r.files.find(source)
	if !watched {
		return
	}
	if g, ok := f.lastSuccess.at(only{}); ok {
		g.Set(unixSeconds(at))
	}
}

// WatchFiles says which files are watched from now on, and deletes the series of
// all others.
func (r *Registry) WatchFiles(sources map[string]bool) {
	r.files.forget(func(source string) bool { return sources[source] })
	for source := range sources {
		r.files.of(source)
	}
}

func (f *file) detach() { f.lastSuccess.detach() }
