package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Upstream measures the answers of one upstream. It is safe for concurrent use.
type Upstream struct {
	duration series[only, prometheus.Observer]
}

func upstreamsOf(f family) func(name string) *Upstream {
	duration := f.histogram("upstream_duration_seconds", "Time that an upstream took to answer.", requestBuckets, "upstream")
	return func(name string) *Upstream {
		return &Upstream{series[only, prometheus.Observer]{vector: duration, owner: name}}
	}
}

// Upstream returns the handle of an upstream, the same for the same name until
// [Registry.ForgetUpstreams]. It takes a lock: hold the handle.
func (r *Registry) Upstream(name string) *Upstream { return r.upstreams.of(name) }

// ForgetUpstreams deletes the series of the upstreams whose names are not in
// keep.
func (r *Registry) ForgetUpstreams(keep map[string]bool) { r.upstreams.forget(named(keep)) }

func (u *Upstream) detach() { u.duration.detach() }

// Observe records how long the upstream took to answer one request.
func (u *Upstream) Observe(d time.Duration) {
	if o, ok := u.duration.at(only{}); ok {
		o.Observe(d.Seconds())
	}
}
