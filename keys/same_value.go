package keys

import (
	"crypto/sha256"
	"maps"
	"slices"
)

// SameValue returns the pairs of secrets that have one value, by where they stand
// in the settings: the first one of the value, and each later one.
func (s *Static) SameValue() (pairs [][2]int) {
	first := map[[sha256.Size]byte]int{}
	for i, k := range s.set.keys {
		secret, ok := k.material.([]byte)
		if !ok {
			continue
		}
		digest := sha256.Sum256(secret)
		if earlier, taken := first[digest]; taken {
			pairs = append(pairs, [2]int{earlier, i})
		} else {
			first[digest] = i
		}
	}
	return pairs
}

// SameValue returns, for each secret that more than one tenant has, the names of
// those tenants, sorted; the lists are in the order of their first names.
func (r *Ring) SameValue() (shared [][]string) {
	type holder struct {
		first string // its first tenant
		list  int    // where its tenants are in shared, from 1; 0 while it has only one
	}
	holders := make(map[[sha256.Size]byte]holder, r.keys)
	for _, tenant := range slices.Sorted(maps.Keys(r.tenants)) {
		for _, k := range r.tenants[tenant] {
			digest := sha256.Sum256(k.material.([]byte))
			switch h, taken := holders[digest]; {
			case !taken:
				holders[digest] = holder{first: tenant}
			case h.list > 0:
				if list := shared[h.list-1]; list[len(list)-1] != tenant {
					shared[h.list-1] = append(list, tenant)
				}
			case h.first != tenant:
				shared = append(shared, []string{h.first, tenant})
				holders[digest] = holder{h.first, len(shared)}
			}
		}
	}
	slices.SortStableFunc(shared, slices.Compare)
	return shared
}
