package gate

import (
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
		method:        strings.Clone(d.request.Method), // beside it stands the target
		host:          strings.Clone(policy.NormalizeHost(d.request.Host)),
		path:          strings.Clone(d.request.path()), // and the query
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

// Vouched returns the admission with the bounds that its credential has now, which is
// the same where they have not changed. Its error denies what stands on a credential
// that was taken away, or what was only let through to be reported.
func (a *Admission) Vouched(at time.Time) (*Admission, error) {
	if a.reported != policy.ReasonNone {
		return nil, policy.Deny(a.reported, "")
	}
	verified, err := a.verified.Vouched(at, nil)
	if err != nil || verified == a.verified {
		return a, err
	}
	vouched := *a
	vouched.verified = verified
	return &vouched, nil
}

// Rematch returns the admission by which g, perhaps another generation, lets through
// at a time what was let through before. Its error says why it does not.
func (g *Gate) Rematch(a *Admission, at time.Time) (*Admission, error) {
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
	own := g.routes[route.Index].alternative(a.Authenticator)
	verified, err := own.vouched(a.verified, at)
	if err == nil {
		err = route.Require.Check(&verified.Identity)
	}
	switch {
	case err == nil:
		rematched.verified, rematched.renewals = verified, renewedBy(own.members, a.renewals)
	case route.Reports(at):
		rematched.reported = policy.ReasonOf(err)
	default:
		return nil, err
	}
	return &rematched, nil
}

// alternative returns that of a name, nil where there is none.
func (r *route) alternative(name string) *alternative {
	for i := range r.alternatives {
		if a := &r.alternatives[i]; a.name == name {
			return a
		}
	}
	return nil
}

// vouched returns what the authenticators of an alternative, which may be nil, make of
// an identity at a time.
func (a *alternative) vouched(v *authn.Verified, at time.Time) (*authn.Verified, error) {
	if a == nil {
		return nil, policy.Deny(policy.MissingCredential, "")
	}
	return v.Vouched(at, func(part *authn.Verified) authn.Authenticator {
		for _, m := range a.members {
			if m.name == part.Authenticator {
				return m
			}
		}
		return nil
	})
}
