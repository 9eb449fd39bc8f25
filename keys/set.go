package keys

import (
	"time"

	"postern/policy"
)

// maxCandidates bounds the public keys that one token is tried with: each costs
// a signature verification.
const maxCandidates = 4

// set is an immutable list of keys and the index over their ids.
type set struct {
	keys []*Key
	byID map[string][]*Key
}

func newSet(keys []*Key) *set {
	s := &set{keys: keys, byID: make(map[string][]*Key, len(keys))}
	for _, k := range keys {
		s.byID[k.ID] = append(s.byID[k.ID], k)
	}
	return s
}

// has reports whether any key has the id.
func (s *set) has(kid string) bool { return len(s.byID[kid]) > 0 }

// candidates returns up to four keys that have the id, or any where kid is "",
// that fit the algorithm, and that are current; none is no error where there are
// others. The result is shared: it must not be changed.
func (s *set) candidates(kid, algorithm string, at time.Time) ([]*Key, error) {
	found := s.keys
	if kid != "" {
		found = s.byID[kid]
	}
	if len(found) == 0 {
		return nil, policy.Deny(policy.UnknownKey, "")
	}
	a, ok := LookupAlgorithm(algorithm)
	if !ok {
		return nil, policy.Deny(policy.AlgorithmNotAllowed, "")
	}
	// Nearly always the keys of one id all fit, and nothing is copied.
	n := 0
	for n < len(found) && n < maxCandidates && found[n].fits(a) && found[n].Current(at) {
		n++
	}
	list, fits := found[:n:n], n > 0
	for _, k := range found[n:] {
		if len(list) == maxCandidates {
			break
		}
		if k.fits(a) {
			fits = true
			if k.Current(at) {
				list = append(list, k)
			}
		}
	}
	if !fits {
		return nil, policy.Deny(policy.AlgorithmNotAllowed, "")
	}
	return list, nil
}
