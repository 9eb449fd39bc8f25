package gate

import (
	"context"

	"postern/authn"
	"postern/policy"
)

// inProfile returns what the profile of the credential's owner has where ref
// points. Who has no credential has no profile.
func (d *Decision) inProfile(ctx context.Context, a authn.Authenticator, ref policy.Reference) (policy.Occurrences, error) {
	if d.proof == "" {
		return policy.Occurrences{}, nil
	}
	v, cache, err := a.Verify(ctx, d.presented(d.proof), d.request.Time)
	d.Cache = max(d.Cache, cache)
	if err != nil {
		return policy.Occurrences{}, err
	}
	value, _ := v.Resolve(ref)
	named, err := policy.NewBodyValue(value)
	return policy.Occurrences{Values: []policy.BodyValue{named}}, err
}
