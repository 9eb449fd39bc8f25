package authn

import (
	"sync/atomic"
	"time"

	"postern/keys"
	"postern/policy"
)

// Verified is an identity together with what it stands on. It is immutable but
// for memoised header values and assertions, and shared by all requests with its credential.
type Verified struct {
	policy.Identity
	// SecretID is the configured id of the static token or shared secret that
	// verified the credential, "" for other keys and for those of a key ring. It is
	// bounded by the configuration and so fit for a metric label.
	SecretID string

	by Authenticator // nil for anonymous and groups
	// What by needs beside the identity to vouch for it later on: the *jwsHeader of a
	// token, the *staticToken, or the chains of a certificate.
	proof any
	parts []*Verified // of a group, whose members it stands on
	key   *keys.Key   // nil for an identity that no key verified
	lease *keys.Lease // of the files that a static token came from
	// The list that may come to hold the credential, and when that was issued; a
	// zero time where it does not say.
	revocations *Revocations
	issued      time.Time
	// The window in which the identity stands, clock skew included; a zero
	// time is no bound.
	notBefore, expires, tooOld time.Time
	rendered                   atomic.Pointer[[]rendering]
	asserted                   atomic.Pointer[[]assertion]
}

// rendering is the memoised outcome of one header set.
type rendering struct {
	set     *policy.HeaderSet
	headers []policy.RenderedHeader
}

// bound gives a new identity the times of its token.
func (v *Verified) bound(t *tokenTimes) {
	v.ExpiresAt, v.issued, v.expires, v.tooOld = t.expiresAt, t.issuedAt, t.end, t.tooOld
	if v.notBefore = t.notBefore; t.issued.After(v.notBefore) {
		v.notBefore = t.issued
	}
}

// nameCustomer raises a new identity to the level of the customer whom ref names;
// a zero ref names none, and an optional one may.
func (v *Verified) nameCustomer(ref policy.Reference, optional bool) error {
	if ref.IsZero() {
		return nil
	}
	value, present := v.Resolve(ref)
	if !present && optional {
		return nil
	}
	customer, ok := policy.AsCustomer(value)
	if !ok {
		return policy.Denyf(policy.MissingClaim, "%s names no customer", ref)
	}
	v.Level, v.Customer = policy.Customer, customer
	return nil
}

// Standing reports whether the identity still holds at a time: every cache hit
// asks, so that an expired or revoked token or one whose key was withdrawn ends
// at once.
func (v *Verified) Standing(at time.Time) error {
	for _, part := range v.parts {
		if err := part.Standing(at); err != nil {
			return err
		}
	}
	switch {
	case v.stale(at):
		return policy.Deny(policy.KeysUnavailable, "")
	case !v.expires.IsZero() && !at.Before(v.expires):
		return policy.Deny(policy.TokenExpired, "")
	case !v.tooOld.IsZero() && at.After(v.tooOld):
		return policy.Deny(policy.TokenTooOld, "")
	case at.Before(v.notBefore):
		return policy.Deny(policy.TokenNotYetValid, "")
	}
	if v.key != nil && !v.key.Live() {
		return policy.Deny(policy.UnknownKey, "")
	}
	return v.checkWithdrawn(at)
}

// checkWithdrawn reports whether the end of its key, or the list of what is
// revoked, takes the identity away.
func (v *Verified) checkWithdrawn(at time.Time) error {
	switch {
	case v.key == nil || v.key.Current(at):
		return v.checkRevoked()
	case v.Certificate != nil:
		return policy.Deny(policy.TokenExpired, "") // with its authority
	}
	return policy.Deny(policy.BadSignature, "")
}

// stale reports whether the files that the identity stands on have been unusable
// for too long.
func (v *Verified) stale(at time.Time) bool {
	return v.lease.Over(at) || v.key != nil && v.key.Stale(at)
}

// checkRevoked is all of [Verified.Standing] that does not hold of itself for a
// credential that has just been verified.
func (v *Verified) checkRevoked() error {
	if v.revocations.cover(v) {
		return policy.Deny(policy.Revoked, "")
	}
	return nil
}

// Headers returns the headers of set that the identity alone determines. They
// are rendered once for each set and must not be changed.
func (v *Verified) Headers(set *policy.HeaderSet) []policy.RenderedHeader {
	for {
		known := v.rendered.Load()
		if known != nil {
			for i := range *known {
				if (*known)[i].set == set {
					return (*known)[i].headers
				}
			}
		}
		headers := set.RenderFixed(&v.Identity)
		grown := []rendering{{set, headers}}
		if known != nil {
			grown = append(grown, *known...)
		}
		// A reload brings new sets and leaves an identity in the cache; what
		// the old ones rendered must not pile up there.
		grown = grown[:min(len(grown), 4)]
		if v.rendered.CompareAndSwap(known, &grown) {
			return headers
		}
	}
}

// NewAnonymous returns the identity of a request without any credential.
func NewAnonymous() *Verified {
	return &Verified{Identity: policy.Identity{Level: policy.Anonymous, Authenticator: AnonymousName}}
}

// AnonymousName is the built-in authenticator's name in the configuration.
const AnonymousName = "anonymous"
