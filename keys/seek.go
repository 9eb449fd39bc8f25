package keys

import (
	"context"
	"crypto/sha256"
	"time"

	"postern/policy"
)

const (
	// Unknown kids get a burst of fetches, then one each interval.
	askBurst    = 3
	askInterval = 5 * time.Second
	// seekPatience is how long the first request with a kid waits for its key.
	seekPatience = time.Second
	maxWaiters   = 64
)

// Seek says why a kid has no key, and nil once it has one. A kid that is seen
// for the first time asks for a fetch, and its request waits for it up to 1 s
// where it can begin by then; no other request waits. The error is
// [policy.KeysUnavailable] without any keys, [policy.UnknownKey] once a
// successful fetch begun after the kid was first seen lacks it, and until then
// [policy.KeysPending].
func (r *Remote) Seek(ctx context.Context, kid string) error {
	r.observer.UnknownKid(r.source)
	digest := kidDigest(sha256.Sum256([]byte(kid)))
	deadline := time.Now().Add(seekPatience)

	r.mu.Lock()
	reason := r.verdict(kid, digest)
	if reason != policy.KeysPending || !r.enlist(digest, deadline) {
		r.mu.Unlock()
		return deny(reason)
	}
	fetches, ended := r.fetches, r.ended
	r.mu.Unlock()
	defer r.leave()

	timer := time.NewTimer(seekPatience)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return policy.Fail(policy.ClientClosed, ctx.Err())
		case <-timer.C:
			return deny(policy.KeysPending)
		case <-ended:
		}
		r.mu.Lock()
		reason := r.verdict(kid, digest)
		hopeful := r.hopeful(fetches, deadline)
		ended = r.ended
		r.mu.Unlock()
		if reason != policy.KeysPending || !hopeful {
			return deny(reason)
		}
	}
}

// verdict returns what is known about a kid now. r.mu is held.
func (r *Remote) verdict(kid string, digest kidDigest) policy.Reason {
	s := r.set.Load()
	switch {
	case s == nil:
		return policy.KeysUnavailable
	case s.has(kid):
		return policy.ReasonNone
	case r.sightings.lacks(digest, time.Now()):
		return policy.UnknownKey
	default:
		return policy.KeysPending
	}
}

// enlist notes a pending kid, asks for a fetch where that is its due, and
// reports whether its request may wait. r.mu is held.
func (r *Remote) enlist(digest kidDigest, deadline time.Time) bool {
	seen := r.sightings.see(digest, r.fetches)
	if seen != seenBefore {
		r.ask(time.Now())
	}
	if seen != seenFirst || !r.hopeful(r.fetches, deadline) || r.waiters >= maxWaiters {
		return false
	}
	r.waiters++
	return true
}

// hopeful reports whether a fetch later than the first so many may end by the
// deadline: it is under way, or will be by then. r.mu is held.
func (r *Remote) hopeful(fetches uint64, deadline time.Time) bool {
	return r.next.Before(deadline) || r.fetching && r.fetches > fetches
}

func (r *Remote) leave() {
	r.mu.Lock()
	r.waiters--
	r.mu.Unlock()
}

// ask brings the next fetch forward as far as the limiter lets it. One turn is
// enough for all kids that are seen before it begins. r.mu is held.
func (r *Remote) ask(now time.Time) {
	if r.asked {
		return
	}
	r.asked = true
	turn := r.limiter.ReserveN(now, 1)
	at := now.Add(turn.DelayFrom(now))
	if !at.Before(r.next) {
		turn.CancelAt(now)
		return
	}
	r.next = at
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func deny(reason policy.Reason) error {
	if reason == policy.ReasonNone {
		return nil
	}
	return policy.Deny(reason, "")
}
