package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Authenticator measures the decisions of one authenticator, or of a group
// under its members' names joined with +, and the use of its secrets. It is
// safe for concurrent use; counting what was counted before takes no lock and
// allocates nothing.
type Authenticator struct {
	duration series[value, prometheus.Observer]
	used     series[value, prometheus.Counter]
	notAfter series[value, prometheus.Gauge]
}

func authenticatorsOf(f family) func(name string) *Authenticator {
	duration := f.histogram("decision_duration_seconds", "Time that a decision took.", decisionBuckets, "authenticator", "cache")
	used := f.counter("secret_used_total", "Credentials that a secret or static token verified.", "authenticator", "id")
	notAfter := f.gauge("secret_not_after_timestamp_seconds", "Unix time at which a secret or static token ends.", "authenticator", "id")
	return func(name string) *Authenticator {
		return &Authenticator{
			duration: series[value, prometheus.Observer]{vector: duration, owner: name},
			used:     series[value, prometheus.Counter]{vector: used, owner: name},
			notAfter: series[value, prometheus.Gauge]{vector: notAfter, owner: name},
		}
	}
}

// Authenticator returns the handle of an authenticator, the same for the same
// name until [Registry.ForgetAuthenticators]. The empty name stands for
// decisions that no authenticator had a part in. It takes a lock: hold the
// handle.
func (r *Registry) Authenticator(name string) *Authenticator { return r.authenticators.of(name) }

// anonymous is the authenticator that every configuration has without naming it.
const anonymous = "anonymous"

// ForgetAuthenticators deletes every series of the authenticators whose names
// are not in keep, decisions of routes included. A group is kept where all of
// its members are.
func (r *Registry) ForgetAuthenticators(keep map[string]bool) {
	kept := func(name string) bool {
		if named(keep)(name) {
			return true
		}
		for member := range strings.SplitSeq(name, "+") {
			if member != anonymous && !keep[member] {
				return false
			}
		}
		return true
	}
	r.authenticators.forget(kept)
	r.routes.each(func(route *Route) {
		route.decisions.retain(func(k decisionKey) bool { return kept(k.authenticator) })
	})
}

func (a *Authenticator) detach() {
	a.duration.detach()
	a.used.detach()
	a.notAfter.detach()
}

// Observe records how long a decision took, and whether the token cache had
// its part: hit, miss, or none where it was not asked.
func (a *Authenticator) Observe(cache string, d time.Duration) {
	if o, ok := a.duration.at(value(label(cache))); ok {
		o.Observe(d.Seconds())
	}
}

// SecretUsed counts a credential that the secret or static token of an id
// verified. The id must come from the configuration, and not from a key ring,
// which may hold one for each tenant.
func (a *Authenticator) SecretUsed(id string) {
	if c, ok := a.used.at(value(label(id))); ok {
		c.Inc()
	}
}

// SecretNotAfter says when a secret or static token ends. The zero time says
// that it does not: it has no such series then.
func (r *Registry) SecretNotAfter(authenticator, id string, at time.Time) {
	a, k := r.Authenticator(authenticator), value(label(id))
	if at.IsZero() {
		a.notAfter.retain(func(held value) bool { return held != k })
		return
	}
	if g, ok := a.notAfter.at(k); ok {
		g.Set(unixSeconds(at))
	}
}

// ForgetSecrets deletes the series of an authenticator's secrets and static
// tokens whose ids are not in keep.
func (r *Registry) ForgetSecrets(authenticator string, keep map[string]bool) {
	a, ok := r.authenticators.find(authenticator)
	if !ok {
		return
	}
	kept := func(k value) bool { return named(keep)(string(k)) }
	a.used.retain(kept)
	a.notAfter.retain(kept)
}
