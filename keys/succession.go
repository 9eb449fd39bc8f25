package keys

import "crypto/sha256"

// inherit makes fresh the successors of old. It returns fresh with each key that
// old holds too replaced by the old pointer, so that what a key has verified stays
// valid. Keys that fresh lacks are no longer live, but for those that have only
// another time in it, such as a secret that is to end: what they have verified
// stands for as long as that. left is how many of old are not in kept.
func inherit(old, fresh []*Key) (kept []*Key, left int) {
	known := make(map[[sha256.Size]byte]*Key, len(old))
	for _, k := range old {
		known[k.identity] = k
	}
	kept = make([]*Key, len(fresh))
	for i, k := range fresh {
		if before, ok := known[k.identity]; ok {
			delete(known, k.identity)
			k = before
		}
		kept[i] = k
	}
	for _, k := range old {
		if _, gone := known[k.identity]; !gone {
			continue
		}
		if left++; !k.handOver(kept) {
			k.gone.Store(true)
		}
	}
	return kept, left
}

// handOver reports whether one of some keys is k with another time, which then
// counts for k.
func (k *Key) handOver(to []*Key) bool {
	for _, next := range to {
		if next.ID == k.ID && next.timeless() == k.timeless() {
			k.successor.Store(next)
			return true
		}
	}
	return false
}

// timeless is equal for keys that differ at most in their time and in the files
// that they came from.
func (k *Key) timeless() [sha256.Size]byte {
	text, err := k.appendTimeless(nil)
	if err != nil {
		panic(err) // it could be sealed
	}
	return sha256.Sum256(text)
}

// latest returns the key that has taken the place of k, or k itself.
func (k *Key) latest() *Key {
	for next := k.successor.Load(); next != nil; next = k.successor.Load() {
		k = next
	}
	return k
}

// retire marks keys as no longer part of their set.
func retire(gone []*Key) {
	for _, k := range gone {
		k.gone.Store(true)
	}
}
