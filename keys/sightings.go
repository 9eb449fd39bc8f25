package keys

import (
	"crypto/sha256"
	"time"
)

const (
	// maxSightings bounds the kids that are remembered. Their length does not
	// matter, since only their digests are.
	maxSightings = 4096
	// absentFor is how long a fetch proves that a kid is unknown, counted from its
	// end: it may take longer than this. It is shorter than askInterval, so that a kid that somebody sent before its key was
	// published is sought again by the time that a fetch can be had.
	absentFor = 4 * time.Second
)

type kidDigest [sha256.Size]byte

// sightings remembers kids that the keys lack. Anybody can invent a kid, so that
// nothing here may grow, or grow old, at a client's will. It is not safe for
// concurrent use.
type sightings struct {
	// pending holds how many fetches had begun when a kid was first seen.
	pending map[kidDigest]uint64
	// absent holds kids that the last successful fetch, begun after they were
	// first seen, lacked; it counts until a time.
	absent      map[kidDigest]struct{}
	absentUntil time.Time
}

func newSightings() sightings {
	return sightings{make(map[kidDigest]uint64), make(map[kidDigest]struct{}), time.Time{}}
}

// lacks reports whether a fetch has proved that the kid is unknown.
func (s *sightings) lacks(kid kidDigest, now time.Time) bool {
	if !now.Before(s.absentUntil) {
		clear(s.absent)
	}
	_, ok := s.absent[kid]
	return ok
}

// sighting says what the table made of a kid.
type sighting uint8

const (
	seenFirst sighting = iota
	seenBefore
	notRemembered // the table is full
)

// see notes a kid that is not absent, when so many fetches have begun.
func (s *sightings) see(kid kidDigest, fetches uint64) sighting {
	if _, ok := s.pending[kid]; ok {
		return seenBefore
	}
	if len(s.pending)+len(s.absent) >= maxSightings {
		return notRemembered
	}
	s.pending[kid] = fetches
	return seenFirst
}

// settle takes in a successful fetch. Earlier proofs end; kids seen before it
// began are now absent, or among the new keys, which are asked first.
func (s *sightings) settle(fetch uint64, ended time.Time) {
	clear(s.absent)
	s.absentUntil = ended.Add(absentFor)
	for kid, fetches := range s.pending {
		if fetches < fetch {
			delete(s.pending, kid)
			s.absent[kid] = struct{}{}
		}
	}
}
