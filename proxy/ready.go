package proxy

import (
	"sync"
	"time"
)

// KeySource is what readiness asks of a source of keys.
type KeySource interface {
	// Ready reports whether the source has keys.
	Ready() bool
	// Required reports whether nothing may be served before it has.
	Required() bool
}

// Readiness says whether the process should get traffic. It becomes ready once
// every key source has keys, or after a time those that are required, and then
// stays so until it fails at shutdown: an outage of an issuer later on must not
// take away routes that do not need it. It is safe for concurrent use.
type Readiness struct {
	deadline time.Time

	mu      sync.Mutex
	sources []KeySource
	ready   bool
	failed  bool
}

// NewReadiness waits until deadline for sources that are not required.
func NewReadiness(deadline time.Time, sources []KeySource) *Readiness {
	return &Readiness{deadline: deadline, sources: sources}
}

// Replace sets the sources that a reload brought at a time. What was ready
// before stays so, also where nobody had asked.
func (r *Readiness) Replace(sources []KeySource, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = r.ready || r.haveKeys(at)
	r.sources = sources
}

// Fail makes the process unready for good.
func (r *Readiness) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

// Ready reports whether the process should get traffic at a time.
func (r *Readiness) Ready(at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = r.ready || r.haveKeys(at)
	return r.ready && !r.failed
}

func (r *Readiness) haveKeys(at time.Time) bool {
	late := !at.Before(r.deadline)
	for _, source := range r.sources {
		if !source.Ready() && (source.Required() || !late) {
			return false
		}
	}
	return true
}
