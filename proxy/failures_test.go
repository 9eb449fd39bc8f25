package proxy

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"postern/policy"
)

func newTable(failures int, window, lockout time.Duration) *Failures {
	return NewFailures(AbuseSettings{Failures: failures, Window: policy.Duration(window), Lockout: policy.Duration(lockout)})
}

func TestFailuresLockOut(t *testing.T) {
	f := newTable(2, time.Minute, 10*time.Minute)
	for _, step := range []struct {
		after     time.Duration // since the table began
		from      string
		isFailure bool
		want      time.Duration
	}{
		{0, "203.0.113.9", true, 0},
		{59 * time.Second, "203.0.113.9", true, 0},
		{59 * time.Second, "203.0.113.9", false, 0},
		// A window that is over starts anew with the next failure.
		{60 * time.Second, "203.0.113.9", true, 0},
		{61 * time.Second, "203.0.113.9", true, 0},
		{62 * time.Second, "203.0.113.8", true, 0},
		{62 * time.Second, "203.0.113.9", true, 10 * time.Minute},
		// Neither kind of refusal prolongs a lockout.
		{63 * time.Second, "203.0.113.9", true, 10*time.Minute - time.Second},
		{64 * time.Second, "203.0.113.9", false, 10*time.Minute - 2*time.Second},
		{64 * time.Second, "::ffff:203.0.113.9", false, 10*time.Minute - 2*time.Second},
		{64 * time.Second, "203.0.113.8", true, 0},
		{62*time.Second + 10*time.Minute, "203.0.113.9", false, 0},
		{62*time.Second + 10*time.Minute, "203.0.113.9", true, 0},
		// All of a /64 is one client.
		{time.Hour, "2001:db8::1", true, 0},
		{time.Hour, "2001:db8::ffff:1", true, 0},
		{time.Hour, "2001:db8::2%eth0", true, 10 * time.Minute},
		{time.Hour, "2001:db8:0:0:1::", false, 10 * time.Minute},
		{time.Hour, "2001:db8:0:1::1", true, 0},
		{time.Hour, "::1", true, 0},
		{time.Hour, "0.0.0.0", true, 0},
	} {
		got := f.refuse(netip.MustParseAddr(step.from), step.isFailure, f.began.Add(step.after))
		if got != step.want {
			t.Errorf("%s, %s: locked out for %s, want %s", step.after, step.from, got, step.want)
		}
	}
}

// addressOf returns one of very many addresses.
func addressOf(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// addressOf6 returns one of very many networks of IPv6, or one of its many addresses.
func addressOf6(network, address int) netip.Addr {
	a := netip.MustParseAddr("2001:db8::").As16()
	binary.BigEndian.PutUint32(a[4:], uint32(network))
	binary.BigEndian.PutUint64(a[8:], uint64(address))
	return netip.AddrFrom16(a)
}

// allocated returns the bytes that were allocated until now, and those that are in
// use of them.
func allocated() (ever, now uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc, m.HeapAlloc
}

// A million addresses that fail, of both versions of IP, take no more memory than
// one, and make nobody forgotten who is locked out. All of a /64 is one of them.
func TestFailuresOfAMillionAddresses(t *testing.T) {
	_, before := allocated()
	f := newTable(3, time.Hour, time.Hour)
	attacker := netip.MustParseAddr("203.0.113.9")
	for range 4 {
		f.refuse(attacker, true, f.began)
	}
	everBefore, table := allocated()
	for i := range 333_333 {
		f.refuse(addressOf(i), true, f.began)
		f.refuse(addressOf6(i, i), true, f.began)
		if left := f.refuse(addressOf6(1<<31, i), true, f.began); (left > 0) != (i >= 3) {
			t.Fatalf("after %d failures a network is locked out for %s", i+1, left)
		}
	}
	if ever, _ := allocated(); ever-everBefore > 64<<10 || table-before > 2<<20+64<<10 {
		t.Errorf("the table takes %d bytes, and %d for a million addresses", table-before, ever-everBefore)
	}
	if f.refuse(attacker, false, f.began) == 0 {
		t.Error("who was locked out is forgotten")
	}
}

// An address is not forgotten for others that have failed less often.
func TestFailuresAreNotForgottenForFewer(t *testing.T) {
	f := newTable(3, time.Hour, time.Hour)
	attacker := netip.MustParseAddr("203.0.113.9")
	f.refuse(attacker, true, f.began)
	for range 3 {
		f.refuse(attacker, true, f.began)
		for i := range 8 * failureSets * failureWays {
			f.refuse(addressOf(i), true, f.began)
		}
	}
	if f.refuse(attacker, false, f.began) == 0 {
		t.Error("the attacker is forgotten")
	}
}

// Where all of a set is locked out, further addresses go uncounted, until the
// first lockout ends.
func TestFailuresOfAFullTable(t *testing.T) {
	f := newTable(1, time.Minute, time.Hour)
	for s := range f.sets {
		for i := range f.sets[s] {
			f.sets[s][i] = failing{who: networkOf(addressOf(s*failureWays + i)), count: 2, end: time.Hour, locked: true}
		}
	}
	before, late := f.sets, netip.MustParseAddr("203.0.113.9")
	for range 5 {
		if left := f.refuse(late, true, f.began); left != 0 {
			t.Errorf("locked out for %s", left)
		}
	}
	if before != f.sets {
		t.Error("somebody is forgotten")
	}
	f.refuse(late, true, f.began.Add(time.Hour))
	if left := f.refuse(late, true, f.began.Add(time.Hour)); left != time.Hour {
		t.Errorf("locked out for %s once there is room", left)
	}
}

func BenchmarkRefuse(b *testing.B) {
	f, now := newTable(50, time.Minute, time.Minute), time.Now()
	i := 0
	for b.Loop() {
		f.refuse(addressOf(i%1_000_000), true, now)
		i++
	}
}
