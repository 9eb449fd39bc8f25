package proxy

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Failures counts the failures of client addresses in a table of fixed size, 2
// MiB, whatever clients do. It is safe for concurrent use.
//
// An address that finds its set of the table full takes the place of the entry
// there that matters least: one whose time is over, or else the one with the
// fewest failures. One that is locked out gives its place to nobody. To be
// forgotten so takes more failures, from more addresses, than it saves. Only
// where all of a set is locked out do further addresses go uncounted.
type Failures struct {
	settings AbuseSettings
	seed     maphash.Seed // keeps clients from choosing whose set they fall into
	began    time.Time

	mu   sync.Mutex
	sets [failureSets][failureWays]failing
}

const (
	failureSets = 1 << 13
	failureWays = 8
)

// failing is what is remembered of an address.
type failing struct {
	who network
	// end is when the lockout is over or, before there is one, the window: a time
	// since the table began, since the clock of the day may jump.
	end    time.Duration
	count  int32 // of failures within the window, 0 for an entry that is free
	locked bool
}

// network is whose failures are counted together: an IPv4 address, or an IPv6
// /64, all of which one client may have.
type network [16]byte

func networkOf(addr netip.Addr) network {
	n := network(addr.As16())
	if !addr.Unmap().Is4() {
		clear(n[8:])
	}
	return n
}

// NewFailures returns an empty table. The settings have passed Check.
func NewFailures(s AbuseSettings) *Failures {
	return &Failures{settings: s, seed: maphash.MakeSeed(), began: time.Now()}
}

// Under returns the table after a reload: f itself where it counts by the same
// settings, an empty one where it does not or is nil, and nil without settings.
func (f *Failures) Under(s *AbuseSettings) *Failures {
	switch {
	case s == nil:
		return nil
	case f != nil && f.settings == *s:
		return f
	}
	return NewFailures(*s)
}

// refuse notes that a request from an address is refused at a time, and returns
// how long the address is locked out from then on, 0 for not at all. A failure
// during a lockout does not prolong it.
func (f *Failures) refuse(addr netip.Addr, isFailure bool, at time.Time) time.Duration {
	who, now := networkOf(addr), at.Sub(f.began)
	set := &f.sets[maphash.Comparable(f.seed, who)%failureSets]
	f.mu.Lock()
	defer f.mu.Unlock()
	e := find(set, who)
	if e != nil && e.locked && now < e.end {
		return e.end - now
	}
	if !isFailure {
		return 0
	}
	if e == nil {
		if e = leastOf(set, now); e == nil {
			return 0
		}
	}
	if e.who != who || now >= e.end {
		*e = failing{who: who, end: now + f.settings.Window.Std()}
	}
	e.count++
	if int(e.count) <= f.settings.Failures {
		return 0
	}
	e.locked, e.end = true, now+f.settings.Lockout.Std()
	return f.settings.Lockout.Std()
}

func find(set *[failureWays]failing, who network) *failing {
	for i := range set {
		if e := &set[i]; e.count > 0 && e.who == who {
			return e
		}
	}
	return nil
}

// leastOf returns the entry that a new address may have, nil for none.
func leastOf(set *[failureWays]failing, now time.Duration) (least *failing) {
	for i := range set {
		switch e := &set[i]; {
		case now >= e.end: // free entries, too
			return e
		case !e.locked && (least == nil || e.count < least.count):
			least = e
		}
	}
	return least
}
