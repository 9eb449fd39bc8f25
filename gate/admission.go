package gate

import (
	"slices"
	"strings"
	"time"

	"postern/authn"
	"postern/policy"
)

// Admission is what remains of a decision where the exchange goes on after its
// request: it tells whether it may. It holds neither the request nor a credential,
// but for one that somebody has to be asked about again. It is immutable and safe
// for concurrent use.
type Admission struct {
	// Route is the one that serves it.
	Route *policy.Route
	// Authenticator is the name of the alternative that the request was held to.
	Authenticator string

	method, host, path string
	verified           *authn.Verified // nil where none was before a route only reported
	reported           policy.Reason
	renewals           []renewal
}

// Admission returns that of a request which was let through.
func (d *Decision) Admission() *Admission {
	a := &Admission{
		Route:         d.Route,
		Authenticator: d.Authenticator,
		method:        d.request.Method,
		host:          strings.Clone(policy.NormalizeHost(d.request.Host)),
		path:          strings.Clone(d.request.path()), // beside it stands the query
		verified:      d.Verified,
	}
	if d.Reported != nil {
		a.reported = d.Reported.Reason
		return a
	}
	for _, r := range d.renewals {
		a.renewals = append(a.renewals, r.clone())
	}
	return a
}

// Expires reports whether the credential has an end of its own.
func (a *Admission) Expires() bool { return a.verified != nil && !a.verified.ExpiresAt.IsZero() }

// Lapsed denies what lasts beyond the credential's own time, clock skew left out.
func (a *Admission) Lapsed(at time.Time) error {
	if a.verified == nil {
		return nil
	}
	return a.verified.Lapsed(at)
}

// Withdrawn denies what stands on a credential that was taken away, or that was
// only let through to be reported.
func (a *Admission) Withdrawn(at time.Time) error {
	if a.reported != policy.ReasonNone {
		return policy.Deny(a.reported, "")
	}
	return a.verified.Withdrawn(at)
}

// Rematch returns the admission by which g, perhaps another generation, lets through
// what was let through before. Its error says why it does not.
func (g *Gate) Rematch(a *Admission) (*Admission, error) {
	var values policy.Values
	route, err := g.matcher.Match(a.method, a.host, a.path, &values)
	if err != nil {
		return nil, err
	}
	rematched := *a
	rematched.Route = route
	if a.reported != policy.ReasonNone {
		return &rematched, nil
	}
	alternatives := g.routes[route.Index].alternatives
	i := slices.IndexFunc(alternatives, func(other alternative) bool { return other.name == a.Authenticator })
	if i < 0 {
		return nil, policy.Deny(policy.MissingCredential, "")
	}
	for _, part := range a.verified.Members() {
		for _, m := range alternatives[i].members {
			if m.name != part.Authenticator {
				continue
			}
			if err := m.Vouches(part); err != nil {
				return nil, err
			}
		}
	}
	rematched.renewals = renewedBy(alternatives[i].members, a.renewals)
	return &rematched, nil
}
