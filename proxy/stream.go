package proxy

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"postern/gate"
	"postern/metrics"
	"postern/policy"
)

// stream is a websocket or an event stream for as long as it is open. Its exchange
// is over, or waits for its end: it holds nothing of the request but what tells
// whether it may go on.
type stream struct {
	id        string
	admission gate.Admission // guarded by the registry
	opened    time.Time
	// conduit is a relay where it is a websocket, and else an eventBody.
	conduit   conduit
	websocket bool

	// The bytes that came from the client and that went to it, and when the last of
	// either did, in nanoseconds since it was opened.
	received, sent, active atomic.Int64

	// What the registry guards: the route that serves it now, and when a shutdown
	// ends it, the zero time for not yet.
	route   *policy.Route
	metrics *metrics.Route
	drainAt time.Time
	ending  bool
}

// conduit is what a stream flows through.
type conduit interface {
	// finish makes it end in order, within moments. It does not wait for that.
	finish(streamEnd)
	// sever ends it at once.
	sever()
}

// newStream takes note of what an exchange was let through for.
func (x *exchange) newStream() *stream {
	return &stream{
		id:        strings.Clone(x.request.ID),
		admission: x.decision.Admission(),
		opened:    time.Now(),
		route:     x.decision.Route,
		metrics:   x.route().metrics,
	}
}

// passed counts bytes that went one way.
func (s *stream) passed(count *atomic.Int64, n int) {
	count.Add(int64(n))
	s.active.Store(int64(time.Since(s.opened)))
}

// streamEnd says why a stream ends, and with which code (RFC 6455, section 7.4) a
// websocket is told.
type streamEnd struct {
	reason string
	code   uint16
}

// The codes that Postern closes with: 1001, 1013 and, of its own, one that says
// what 401 does.
const (
	codeGoingAway    = 1001
	codeTryAgain     = 1013
	codeUnauthorized = 4401
)

var (
	endClient   = streamEnd{reason: "client_closed"}
	endUpstream = streamEnd{reason: "upstream_closed"}
	endTimeout  = streamEnd{reason: policy.UpstreamTimeout.String()}
	endIdle     = streamEnd{"idle", codeGoingAway}
	endMaxAge   = streamEnd{"max_age", codeUnauthorized}
	endDrain    = streamEnd{policy.ShuttingDown.String(), codeGoingAway}
)

// endFor is the end of a stream that would be refused now.
func endFor(reason policy.Reason) streamEnd {
	if reason.Unavailable() {
		return streamEnd{reason.String(), codeTryAgain} // a fault of ours
	}
	return streamEnd{reason.String(), codeUnauthorized}
}

// due reports whether the stream must end at a time, and why.
func (s *stream) due(now time.Time) (end streamEnd, over bool) {
	life := &s.route.Streams
	if !s.drainAt.IsZero() && !now.Before(s.drainAt) {
		return endDrain, true
	}
	if reason := s.denied(now); reason != policy.ReasonNone {
		return endFor(reason), true
	}
	if life.Idle > 0 && now.Sub(s.opened)-time.Duration(s.active.Load()) >= life.Idle {
		return endIdle, true
	}
	bound := s.admission.Expires() && !life.Keep && !s.route.Reports(now)
	return endMaxAge, !bound && now.Sub(s.opened) >= life.MaxAge
}

// denied returns why a route that enforces would no longer let the stream through.
func (s *stream) denied(now time.Time) policy.Reason {
	if s.route.Reports(now) {
		return policy.ReasonNone
	}
	now = s.latest(now)
	err := s.admission.Renew(now)
	if err == nil && !s.route.Streams.Keep {
		err = s.admission.Lapsed(now.Add(-s.route.Streams.Grace))
	}
	return policy.ReasonOf(err)
}

// latest returns now or, where the clock on the wall was set back since the stream
// was opened, what it would say otherwise: no stream gets older than its credential
// let it when it came.
func (s *stream) latest(now time.Time) time.Time {
	if steady := s.opened.Add(now.Sub(s.opened)); steady.Round(0).After(now.Round(0)) {
		return steady
	}
	return now
}

// log tells the stream's end. Times are in seconds.
func (s *stream) log(log *slog.Logger, end streamEnd, now time.Time) {
	log.LogAttrs(context.Background(), slog.LevelInfo, "stream",
		slog.String("request_id", s.id),
		slog.String("route", s.route.Name),
		slog.String("authenticator", s.admission.Authenticator),
		slog.String("reason", end.reason),
		slog.Float64("duration", now.Sub(s.opened).Seconds()),
		slog.Int64("bytes_received", s.received.Load()),
		slog.Int64("bytes_sent", s.sent.Load()),
	)
}
