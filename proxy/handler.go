package proxy

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"postern/gate"
	"postern/metrics"
	"postern/policy"
)

// Handler answers the clients. It is safe for concurrent use.
type Handler struct {
	state    atomic.Pointer[State]
	draining atomic.Bool
	active   atomic.Int64
	bodies   bodyBudget
	streams  *streams
	metrics  *metrics.Registry
	log      *slog.Logger
	requests requestLog
}

// NewHandler returns a handler that serves a generation.
func NewHandler(state *State, registry *metrics.Registry, log *slog.Logger) *Handler {
	h := &Handler{metrics: registry, log: log, requests: newRequestLog(log)}
	h.streams = newStreams(&h.state, registry, log)
	h.state.Store(state)
	return h
}

// Swap replaces the running generation at once. Requests that have begun end
// with the one that they began with; streams go on where the new one serves them.
func (h *Handler) Swap(state *State) {
	h.state.Store(state)
	h.streams.rematch()
}

// tlsConfig returns what a new connection is held to.
func (h *Handler) tlsConfig(*tls.ClientHelloInfo) (*tls.Config, error) {
	return h.state.Load().tls, nil
}

// JWKS returns the JWK set with which identity assertions are verified, nil where
// there are none. It must not be changed.
func (h *Handler) JWKS() []byte { return h.state.Load().jwks }

// Drain refuses every further request, while those that have begun go on. Streams
// are ended, spread over some time, which leaves the last of them enough of the
// grace to be told so.
func (h *Handler) Drain(grace time.Duration) {
	h.draining.Store(true)
	h.streams.drain(time.Now().Add(grace - closePatience))
}

// Close cuts off the streams that are still open, and waits until nothing of them
// runs.
func (h *Handler) Close() { h.streams.close() }

// idlePoll is how often Wait looks, as often as http.Server.Shutdown.
const idlePoll = 10 * time.Millisecond

// Wait returns once every request and stream that began before Drain has ended, or
// ctx has.
func (h *Handler) Wait(ctx context.Context) {
	// In this order: a request may become a stream, but no stream a request.
	for h.active.Load() > 0 || h.streams.len() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(idlePoll):
		}
	}
}

// ServeHTTP decides about a request and, where it is allowed, proxies it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.exchange(w, r, func(x *exchange) { x.serve(r) })
}

// exchange has a request answered, and accounts for it.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, answer func(*exchange)) {
	// Counted before Drain is asked, and until it is logged: Wait misses nothing.
	active := h.active.Add(1)
	defer h.active.Add(-1)
	h.conduct(newExchange(h, w, r), active, answer)
}

// conduct has an exchange answered beside so many others, itself included.
func (h *Handler) conduct(x *exchange, active int64, answer func(*exchange)) {
	h.metrics.InFlight(1)
	defer x.finish()
	defer x.body.Close()

	switch {
	case h.draining.Load():
		x.writer.Header().Set("Connection", "close")
		x.turnAway(policy.ShuttingDown)
		return
	case x.multiplexed && active > x.state.requests:
		x.turnAway(policy.Overloaded)
		return
	}
	answer(x)
}

// serve decides about the request and acts on that.
func (x *exchange) serve(r *http.Request) {
	x.decide(r)
	if route := x.decision.Route; route != nil && route.Websocket && gate.AsksWebsocket(r.Header) {
		// Unless it switches, the connection ends: what the client has sent after its
		// handshake are frames, and no request.
		x.writer.Header().Set("Connection", "close")
	}
	switch {
	case x.decision.Denial != nil:
		if x.decision.Denial.Reason == policy.Overloaded {
			x.body.hurry()
		}
	case x.decision.Preflight:
		answer := x.decision.AnswerPreflight()
		x.status = answer.Status
		x.write(answer)
	default:
		x.forward(r)
	}
}
