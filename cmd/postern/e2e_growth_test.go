package main

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// figures are what a program that runs for months must not have more and more of.
type figures struct {
	goroutines, descriptors int
	heap                    uint64 // bytes
}

// measure takes the figures of this process, where nothing is under way.
func measure(t testing.TB) figures {
	t.Helper()
	// What is closed takes a moment to end.
	var f figures
	for last := -1; last != f.goroutines; time.Sleep(20 * time.Millisecond) {
		last, f.goroutines = f.goroutines, runtime.NumGoroutine()
	}
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	f.descriptors = len(open)
	runtime.GC()
	runtime.GC() // what the first one has finalised
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f.heap = memory.HeapAlloc
	return f
}

// expectNoGrowth allows for idle connections, of which there may be some dozens,
// and for what maps and pools keep.
func (f figures) expectNoGrowth(t testing.TB, before figures) {
	t.Helper()
	if f.goroutines > before.goroutines+100 || f.descriptors > before.descriptors+60 || f.heap > before.heap+before.heap/4+4<<20 {
		t.Errorf("it has grown from %s to %s", before, f)
	}
}

// String implements fmt.Stringer.
func (f figures) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MiB", f.goroutines, f.descriptors, float64(f.heap)/(1<<20))
}
