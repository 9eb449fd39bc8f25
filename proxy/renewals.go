package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"postern/gate"
	"postern/policy"
)

// maxRenewals bounds for how many streams services are asked at a time: requests,
// which wait for their answers, must find a turn.
const maxRenewals = 16

// renewal is when a stream asks about its credential again, and how that goes.
type renewal struct {
	at     time.Time // zero for never
	asking bool      // or in the queue
	failed bool      // there was no answer the last time, which the log has told
}

// wantsRenewal reports whether the answer that a stream relies on is no longer to be
// relied on. What goes on past its credential's own end does not ask: that it is
// over is known.
func (s *stream) wantsRenewal(now time.Time) bool {
	r := &s.renewal
	return !r.at.IsZero() && !now.Before(r.at) && !r.asking && !s.ending &&
		!s.admission.Route.Reports(now) && s.admission.Lapsed(now) == nil
}

// enqueue has the credential of a stream asked about. l.mu is held.
func (l *streams) enqueue(s *stream) {
	s.renewal.asking = true
	l.queue = append(l.queue, s)
	if l.renewing < maxRenewals {
		l.renewing++
		l.running.Go(l.renew)
	}
}

// renew asks for one stream of the queue after the other, until there is none. An
// outage ends no stream: its credential's own end still does, or max_age.
func (l *streams) renew() {
	for s, asked := l.dequeue(); s != nil; s, asked = l.dequeue() {
		renewed, err := l.ask(s, asked)
		denial := policy.AsDenial(err)
		if l.settle(s, asked, renewed, denial) {
			continue
		}
		l.log.LogAttrs(context.Background(), slog.LevelWarn, "a stream goes on without an answer about its credential",
			slog.String("request_id", s.id),
			slog.String("authenticator", asked.Authenticator),
			slog.String("reason", denial.Reason.String()),
			slog.Any("error", denial.Err),
		)
	}
}

// dequeue returns the next stream, with the admission to ask about, and nil for who
// shall ask no more.
func (l *streams) dequeue() (*stream, *gate.Admission) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && !l.cut {
		s := l.queue[0]
		l.queue[0], l.queue = nil, l.queue[1:]
		if _, open := l.open[s]; open {
			return s, s.admission
		}
	}
	l.queue = nil
	l.renewing--
	return nil, nil
}

// ask asks, and takes a fault of ours for an outage.
func (l *streams) ask(s *stream, a *gate.Admission) (renewed *gate.Admission, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			l.log.Error("panic", "request_id", s.id, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
			err = policy.Deny(policy.Internal, "")
		}
	}()
	return a.Renew(context.Background(), time.Now())
}

// settle takes note of what came of asking for a stream. It returns false for the
// first of several outages.
func (l *streams) settle(s *stream, asked, renewed *gate.Admission, denial *policy.Denial) (told bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &s.renewal
	r.asking = false
	if _, open := l.open[s]; !open || s.admission != asked {
		return true // in the latter case those of another generation are asked
	}
	switch told = true; {
	case denial == nil:
		s.admission, r.failed = renewed, false
	case denial.Reason.Status() < http.StatusInternalServerError:
		s.end(endFor(denial.Reason))
	default:
		told, r.failed = r.failed, true
	}
	r.at = time.Now().Add(s.admission.RenewEvery())
	return told
}
