package gate

import (
	"slices"
	"strings"
	"time"

	"postern/authn"
	"postern/policy"
)

// Admission is what remains of a decision where the exchange goes on after its
// request: it tells whether it may, and holds neither the request nor a credential.
// It follows its credential from one generation to the next, and is not safe for
// concurrent use.
type Admission struct {
	// Authenticator is the name of the alternative that the request was held to.
	Authenticator string

	method, host, path string
	verified           *authn.Verified // nil where none was before a route only reported
	reported           policy.Reason
}

// Admission returns that of a request which was let through.
func (d *Decision) Admission() Admission {
	a := Admission{
		Authenticator: d.Authenticator,
		method:        strings.Clone(d.request.Method), // beside it stands the target
		host:          strings.Clone(policy.NormalizeHost(d.request.Host)),
		path:          strings.Clone(d.request.path()), // and the query
		verified:      d.Verified,
	}
	if d.Reported != nil {
		a.reported = d.Reported.Reason
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

// Renew makes the admission follow its credential where the bounds of that have
// changed, and denies what stands on one that was taken away, or that was only let
// through to be reported.
func (a *Admission) Renew(at time.Time) (err error) {
	if a.reported != policy.ReasonNone {
		return policy.Deny(a.reported, "")
	}
	verified, err := a.verified.Vouched(at, nil)
	if err == nil {
		a.verified = verified
	}
	return err
}

// Rematch returns the route of g that serves at a time what was admitted before,
// perhaps by another generation, and holds the admission to it. Its error says why
// none does.
func (g *Gate) Rematch(a *Admission, at time.Time) (*policy.Route, error) {
	var values policy.Values
	route, err := g.matcher.Match(a.method, a.host, a.path, &values)
	if err != nil || a.reported != policy.ReasonNone {
		return route, err
	}
	verified, err := g.routes[route.Index].vouched(a, at)
	if err == nil {
		err = route.Require.Check(&verified.Identity)
	}
	switch {
	case err == nil:
		a.verified = verified
	case route.Reports(at):
		a.reported = policy.ReasonOf(err)
	default:
		return nil, err
	}
	return route, nil
}

// vouched returns what the route's own authenticators make of an admission's
// identity at a time.
func (r *route) vouched(a *Admission, at time.Time) (*authn.Verified, error) {
	i := slices.IndexFunc(r.alternatives, func(other alternative) bool { return other.name == a.Authenticator })
	if i < 0 {
		return nil, policy.Deny(policy.MissingCredential, "")
	}
	return a.verified.Vouched(at, func(member *authn.Verified) authn.Authenticator {
		for _, m := range r.alternatives[i].members {
			if m.name == member.Authenticator {
				return m
			}
		}
		return nil
	})
}
