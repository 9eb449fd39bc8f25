package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"postern/keys"
	"postern/policy"
)

// Token verifies static tokens: one for an app or a project. It is immutable
// and safe for concurrent use.
type Token struct {
	opaque
	name     string
	basic    string // what of a Basic credential is the token; "" for another scheme
	byDigest map[[sha256.Size]byte]*staticToken
	leases   []*keys.Lease // of all files that tokens came from
}

type staticToken struct {
	digest   [sha256.Size]byte
	verified *Verified
}

// Heed implements [Authenticator].
func (t *Token) Heed(list *Revocations) {
	for _, known := range t.byDigest {
		known.verified.revocations = list
	}
}

// Verify implements [Authenticator]. Tokens are found by their SHA-256: what
// the look-up's time depends on is a digest that nobody can steer towards
// another one, and the final comparison takes the same time for all.
func (t *Token) Verify(_ context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	c.Trace.Enter(CheckForm)
	digest, err := t.digest(c.Value)
	if err != nil {
		return nil, NoCache, err
	}
	c.Trace.Enter(CheckKnown)
	known, ok := t.byDigest[digest]
	switch {
	case !ok && t.stale(at):
		return nil, NoCache, policy.Deny(policy.KeysUnavailable, "")
	case !ok || subtle.ConstantTimeCompare(known.digest[:], digest[:]) != 1:
		return nil, NoCache, policy.Deny(policy.UnknownToken, "")
	}
	c.Trace.Enter(CheckStanding)
	if err := known.verified.Standing(at); err != nil {
		return nil, NoCache, err
	}
	return known.verified, NoCache, nil
}

// stale reports whether a token that is not known may be one of a file that has
// been unusable for too long.
func (t *Token) stale(at time.Time) bool {
	return slices.ContainsFunc(t.leases, func(l *keys.Lease) bool { return l.Over(at) })
}
