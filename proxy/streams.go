package proxy

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"postern/metrics"
	"postern/policy"
)

// streams holds every stream that is open, and ends those whose time is over. It
// runs a goroutine as long as there are any. It is safe for concurrent use.
type streams struct {
	metrics *metrics.Registry
	log     *slog.Logger
	state   *atomic.Pointer[State] // the generation in force
	// running are all goroutines of streams, and the one that watches over them.
	running sync.WaitGroup
	wake    chan struct{} // of the watch, with room for one

	mu      sync.Mutex
	open    map[*stream]struct{}
	watched bool
	drained time.Time // when every stream is to have ended, the zero time for no shutdown
	cut     bool
}

func newStreams(state *atomic.Pointer[State], registry *metrics.Registry, log *slog.Logger) *streams {
	return &streams{state: state, metrics: registry, log: log, wake: make(chan struct{}, 1), open: map[*stream]struct{}{}}
}

// add takes in a stream that a generation let through, which must call left at its
// end, and reports whether it may begin.
func (l *streams) add(s *stream, let *State) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	l.open[s] = struct{}{}
	s.metrics.StreamOpened()
	// Asked for under l.mu, as in rematch: no later generation has been held to yet.
	if state := l.state.Load(); state != let {
		l.hold(s, state)
	}
	if !l.drained.IsZero() {
		s.drain(time.Now(), l.drained)
	}
	if !l.watched {
		l.watched = true
		l.running.Go(l.watch)
	}
	return true
}

// left takes out a stream that has ended.
func (l *streams) left(s *stream, end streamEnd) {
	l.mu.Lock()
	delete(l.open, s)
	s.metrics.StreamLeft()
	l.metrics.StreamClosed(end.reason)
	last := len(l.open) == 0
	l.mu.Unlock()
	if last {
		l.look() // and go
	}
	s.log(l.log, end, time.Now())
}

// len returns how many streams are open.
func (l *streams) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// look makes the watch look at once.
func (l *streams) look() {
	select {
	case l.wake <- struct{}{}:
	default: // it will
	}
}

// drainStep is how finely a shutdown spreads the ends of streams.
const drainStep = 50 * time.Millisecond

// watch looks at every stream each second, on the second, when credentials end.
// It goes by the clock on the wall, which may jump.
func (l *streams) watch() {
	for l.sweep(time.Now()) {
		now := time.Now()
		wait := now.Truncate(time.Second).Add(time.Second).Sub(now)
		if l.isDraining() {
			wait = min(wait, drainStep)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.wake:
			timer.Stop()
		}
	}
}

func (l *streams) isDraining() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.drained.IsZero()
}

// sweep ends the streams that are due, and reports whether any is open.
func (l *streams) sweep(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.open {
		if end, over := s.due(now); over {
			s.end(end)
		}
	}
	l.watched = len(l.open) > 0
	return l.watched
}

// end makes the stream end, once.
func (s *stream) end(end streamEnd) {
	if !s.ending {
		s.ending = true
		s.conduit.finish(end)
	}
}

// rematch holds every stream to the generation in force.
func (l *streams) rematch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.state.Load()
	for s := range l.open {
		l.hold(s, state)
	}
	l.look()
}

// hold ends a stream that no route of the generation would serve, and moves any
// other to the route that does. l.mu is held.
func (l *streams) hold(s *stream, state *State) {
	route, err := state.gate.Rematch(&s.admission, time.Now())
	if err == nil && s.websocket && !route.Websocket {
		err = policy.Deny(policy.NoRoute, "")
	}
	if err != nil {
		s.end(endFor(policy.ReasonOf(err)))
		return
	}
	s.metrics.StreamLeft()
	s.route, s.metrics = route, state.routes[route.Index].metrics
	s.metrics.StreamOpened()
}

// drain ends every stream, those to come too, each at some moment of the time that
// its route gives for that, and all of them by a deadline.
func (l *streams) drain(deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = deadline
	for s := range l.open {
		s.drain(time.Now(), deadline)
	}
	l.look()
}

func (s *stream) drain(now, deadline time.Time) {
	s.drainAt = now
	if spread := min(s.route.Streams.Drain, deadline.Sub(now)); spread > 0 {
		s.drainAt = now.Add(rand.N(spread))
	}
}

// close ends what is left at once, lets nothing begin, and waits for the end of all
// goroutines.
func (l *streams) close() {
	l.mu.Lock()
	l.cut = true
	for s := range l.open {
		s.conduit.sever()
	}
	l.mu.Unlock()
	l.running.Wait()
}
