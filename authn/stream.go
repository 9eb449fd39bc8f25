package authn

import (
	"slices"
	"time"

	"postern/policy"
)

// Lapsed reports whether the identity's own time is over: a request may come a
// little after its token's end, as clocks differ, but nothing that lasts may.
func (v *Verified) Lapsed(at time.Time) error {
	for _, member := range v.Members() {
		switch {
		case !member.ExpiresAt.IsZero() && !at.Before(member.ExpiresAt):
			return policy.Deny(policy.TokenExpired, "")
		case !member.tooOld.IsZero() && at.After(member.tooOld):
			return policy.Deny(policy.TokenTooOld, "")
		}
	}
	return nil
}

// Vouched is asked again and again of what lasts: it returns the identity as it
// stands at a time, in which v is no longer asked about once it is another one. Of a
// group each member counts. Who answers for a member, by says; where by is nil, it is
// whoever verified it. The identity's own time does not matter. The error is a
// policy.Denial: with that credential nobody would be let through now.
func (v *Verified) Vouched(at time.Time, by func(member *Verified) Authenticator) (*Verified, error) {
	if v.parts == nil {
		return v.vouchedAlone(at, by)
	}
	now := make([]*Verified, len(v.parts))
	for i, part := range v.parts {
		var err error
		if now[i], err = part.vouchedAlone(at, by); err != nil {
			return nil, err
		}
	}
	if slices.Equal(now, v.parts) {
		return v, nil
	}
	var group *Verified
	for _, part := range now {
		var err error
		if group, err = Merge(group, part, v.Authenticator); err != nil {
			return nil, err
		}
	}
	return group, nil
}

func (v *Verified) vouchedAlone(at time.Time, by func(*Verified) Authenticator) (*Verified, error) {
	if v.by == nil {
		return v, nil // a visitor
	}
	a := v.by
	if by != nil {
		a = by(v)
	}
	if a == nil {
		return nil, errRuled
	}
	now, err := a.Vouch(v, at)
	switch {
	case err != nil:
		return nil, err
	case now.stale(at):
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return now, now.checkWithdrawn(at)
}
