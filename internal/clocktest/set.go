// Package clocktest has tests meet a clock on the wall that somebody sets.
package clocktest

import (
	"testing"
	"time"
	"unsafe"
)

// Set returns what the clocks of a machine say at a moment where that on the wall
// was set forward, or for a negative d back, by d, in whole seconds: the monotonic
// reading stays as it is. It fails the test where at has no such reading, as within
// a bubble of testing/synctest.
func Set(t testing.TB, at time.Time, d time.Duration) time.Time {
	t.Helper()
	// There is no other way: every method of time.Time changes both or drops one.
	type reading struct {
		wall uint64 // beside a flag, seconds from the 31st bit on
		ext  int64
		loc  *time.Location
	}
	set := at
	(*reading)(unsafe.Pointer(&set)).wall += uint64(d/time.Second) << 30
	if set.Sub(at) != 0 || set.Round(0).Sub(at.Round(0)) != d {
		t.Fatalf("%v cannot be set by %s", at, d)
	}
	return set
}
