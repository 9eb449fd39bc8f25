package main

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// memory is how much the process may take, and when the collector runs.
type memory struct {
	limit  int64  // bytes; 0 for none
	source string // of the limit
	// ballast is never written, so that it takes no memory, but the collector counts
	// it as in use. At GOGC=100 the heap thus grows to twice what is in use and by the
	// size of the ballast: one as small as that of a proxy would else be collected
	// many times a second. A higher GOGC would let a large heap grow as many times,
	// and one that follows the heap is late, since a cycle makes itself known only
	// once it is swept.
	ballast []byte
}

// ballastSize is in bytes.
const ballastSize = 16 << 20

// tuneMemory sets the soft limit of the runtime to nine tenths of what the control
// group allows, so that garbage is collected before the kernel ends the process; what
// is not Go's has the rest. GOMEMLIMIT and GOGC, where they are set, come first.
func tuneMemory() memory {
	m := memory{source: "none"}
	if os.Getenv("GOMEMLIMIT") != "" {
		m.source = "GOMEMLIMIT"
		if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
			m.limit = limit
		}
	} else if limit, ok := memoryLimit(os.DirFS("/")); ok {
		m.limit, m.source = limit-limit/10, "cgroup"
	}
	if os.Getenv("GOGC") == "" {
		m.ballast = make([]byte, ballastSize)
	}
	if m.limit > 0 {
		// The ballast counts against the runtime's limit, too, but not against the kernel's.
		debug.SetMemoryLimit(m.limit + int64(len(m.ballast)))
	}
	return m
}

// settle gives back what the start took beyond what is kept, and logs m.
func (m memory) settle(log *slog.Logger) {
	debug.FreeOSMemory()
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	log.Info("memory", "limit_bytes", m.limit, "limit_source", m.source,
		"gc_percent", int64(percent[0].Value.Uint64()), "gc_ballast_bytes", len(m.ballast))
}
