package authn

import (
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

// Withdrawn is [Verified.Standing] but for the identity's own time: it reports
// whether somebody has taken away, or lost, what the identity stands on.
func (v *Verified) Withdrawn(at time.Time) error {
	for _, member := range v.Members() {
		if member.stale(at) {
			return policy.Deny(policy.KeysUnavailable, "")
		}
		if err := member.checkWithdrawn(at); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verified) checkWithdrawn(at time.Time) error {
	switch {
	case v.key != nil && !v.key.Live():
		return policy.Deny(policy.UnknownKey, "the key of the token was withdrawn")
	case v.key != nil && !v.key.Current(at):
		return policy.Deny(policy.BadSignature, "")
	}
	return v.checkRevoked()
}
