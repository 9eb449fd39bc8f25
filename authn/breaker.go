package authn

import (
	"sync"
	"time"
)

// breaker keeps requests from waiting for a service that does not answer. After
// several questions in a row without any answer, one is let through at a time. What
// answers badly is not resting: otherwise who finds a credential that the service
// chokes on could lock out all others. The zero value is ready, and safe for
// concurrent use.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	next     time.Time // when the next question is let through, once it is open
}

const (
	breakerFailures = 5
	breakerRest     = time.Second
)

// allow reports whether a question may be asked.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakerFailures {
		return true
	}
	if now.Before(b.next) {
		return false
	}
	b.next = now.Add(breakerRest)
	return true
}

// ended notes whether a question was answered, however badly.
func (b *breaker) ended(answered bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered {
		b.failures = 0
		return
	}
	b.failures++
	b.next = now.Add(breakerRest)
}
