package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"postern/policy"
)

// Token verifies static tokens: one for an app or a project. It is immutable
// and safe for concurrent use.
type Token struct {
	name     string
	carriers []Carrier
	forward  bool
	basic    string // what of a Basic credential is the token; "" for another scheme
	byDigest map[[sha256.Size]byte]*staticToken
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

// Carriers implements [Authenticator].
func (t *Token) Carriers() []Carrier { return t.carriers }

// ForwardCredential implements [Authenticator].
func (t *Token) ForwardCredential() bool { return t.forward }

// Affinity implements [Authenticator].
func (t *Token) Affinity(u Unverified) Affinity {
	if u.JWS {
		return NoAffinity
	}
	return AnyIssuer
}

// Verify implements [Authenticator]. Tokens are found by their SHA-256: what
// the look-up's time depends on is a digest that nobody can steer towards
// another one, and the final comparison takes the same time for all.
func (t *Token) Verify(_ context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	value, err := t.value(c.Value)
	if err != nil {
		return nil, NoCache, err
	}
	digest := sha256.Sum256(value)
	known, ok := t.byDigest[digest]
	if !ok || subtle.ConstantTimeCompare(known.digest[:], digest[:]) != 1 {
		return nil, NoCache, policy.Deny(policy.UnknownToken, "")
	}
	if err := known.verified.Standing(at); err != nil {
		return nil, NoCache, err
	}
	return known.verified, NoCache, nil
}
