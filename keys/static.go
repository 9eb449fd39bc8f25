package keys

import (
	"context"
	"slices"
	"time"

	"postern/policy"
)

// Static is a set of keys that does not change by itself: shared secrets, or
// public keys from files. It is made by [Settings.Load] and safe for concurrent
// use.
type Static struct {
	set *set
	// symmetric: the keys are secrets, all of which are tried.
	symmetric bool
	ignored   []string
	lease     *Lease // of the file with the list
	// Whom to tell of unknown kids, and under which name; nil for nobody.
	observer Observer
	source   string
}

// Observed makes s tell an observer what it is asked for; s is not in use yet.
func (s *Static) Observed(source string, o Observer) {
	s.source, s.observer = source, o
}

// Candidates returns the keys that a token with this kid ("" for none) and
// algorithm may be signed with, whatever the tenant. For secrets these are all that are current, the
// one that kid names first. For public keys they are at most four that are
// current and fit the algorithm, of that kid where there is one. None is no error
// where keys are not current; else the error is [policy.UnknownKey],
// [policy.AlgorithmNotAllowed], or [policy.KeysUnavailable] where the list of
// secrets is stale, or a key that is unknown may be one of a file that is. Stale keys are among the result,
// which must not be changed.
func (s *Static) Candidates(_, kid, algorithm string, at time.Time) ([]*Key, error) {
	if !s.symmetric {
		found, err := s.set.candidates(kid, algorithm, at)
		if policy.ReasonOf(err) == policy.UnknownKey && s.stale(at) {
			err = policy.Deny(policy.KeysUnavailable, "")
		}
		return found, err
	}
	if s.lease.Over(at) {
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return currentSecrets(s.set.keys, kid, algorithm, at)
}

// stale reports whether the list or any key of it is.
func (s *Static) stale(at time.Time) bool {
	return s.lease.Over(at) || slices.ContainsFunc(s.set.keys, func(k *Key) bool { return k.Stale(at) })
}

// currentSecrets returns the secrets that are current, the one that kid names
// first.
func currentSecrets(secrets []*Key, kid, algorithm string, at time.Time) ([]*Key, error) {
	if a, ok := LookupAlgorithm(algorithm); !ok || !a.Symmetric() {
		return nil, policy.Deny(policy.AlgorithmNotAllowed, "")
	}
	current := make([]*Key, 0, len(secrets))
	for _, k := range secrets {
		switch {
		case !k.Current(at):
		case k.ID == kid:
			current = slices.Insert(current, 0, k)
		default:
			current = append(current, k)
		}
	}
	return current, nil
}

// Seek says [policy.UnknownKey] at once: nothing new can come.
func (s *Static) Seek(context.Context, string) error {
	if s.observer != nil {
		s.observer.UnknownKid(s.source)
	}
	return policy.Deny(policy.UnknownKey, "")
}

// Ignored says why keys of a JWK set were left out, one sentence each.
func (s *Static) Ignored() []string { return s.ignored }

// Equal reports whether both hold the same keys in the same order, and left out
// the same.
func (s *Static) Equal(o *Static) bool {
	return s.symmetric == o.symmetric && s.lease.equal(o.lease) && slices.EqualFunc(s.set.keys, o.set.keys, (*Key).same) &&
		slices.Equal(s.ignored, o.ignored)
}

// Inherit makes s the successor of old: a key that both hold stays the same [Key],
// so that what it has verified stands, and one that only old holds is no longer
// live. It must be called before s is in use, and only once nothing can keep s from
// taking over.
func (s *Static) Inherit(old *Static) {
	kept, gone := inherit(old.set.keys, s.set.keys)
	s.set = newSet(kept)
	retire(gone)
}

// Has reports whether a key of this id is in the set.
func (s *Static) Has(kid string) bool { return s.set.has(kid) }

// Len returns the number of keys.
func (s *Static) Len() int { return len(s.set.keys) }

// Fits reports whether any of the keys can verify the algorithm.
func (s *Static) Fits(algorithm string) bool {
	return slices.ContainsFunc(s.set.keys, func(k *Key) bool { return k.Fits(algorithm) })
}

// Key returns the first key of an id, nil where there is none.
func (s *Static) Key(kid string) *Key {
	if found := s.set.byID[kid]; len(found) > 0 {
		return found[0]
	}
	return nil
}
