package proxy

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"time"

	"postern/gate"
	"postern/policy"
)

// exchange is all that one request needs to remember until its end.
type exchange struct {
	handler *Handler
	state   *State
	writer  patientWriter
	answers answerWriter // what httputil writes to
	method  string

	// multiplexed: the connection has other requests beside this one (HTTP/2).
	multiplexed bool
	trusted     bool // the peer's forwarding headers are believed
	whole       bool // held is all of the body

	began    time.Time
	decided  time.Time // zero where no decision was made
	answered time.Time // when the upstream's header came or its time was over; zero where neither happened

	peer   netip.Addr // the other end of the connection
	client netip.Addr // who that speaks for

	request  gate.Request
	decision gate.Decision
	body     *inboundBody // nil where the request has none
	length   int64        // as announced, -1 for unknown
	held     *heldBody    // what the gate has read of it, nil for nothing
	holding  holding      // of the budget for bodies
	// status is what the upstream answered, once that is on its way.
	status int
	// answerErr is why the upstream's answer could not be read to its end.
	answerErr error
	// switched is what became of a handshake that the upstream accepted.
	switched *switched
	// failure is what went wrong after, or in place of, the decision.
	failure *policy.Denial
}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{
		handler: h,
		state:   h.state.Load(),
		method:  r.Method,

		multiplexed: r.ProtoMajor > 1,
		began:       time.Now(),
	}
	x.writer.init(w, r)
	x.holding.budget, x.holding.limit = &h.bodies, x.state.bodyBytes
	// HTTP/2 has a Body for requests without one, too.
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		x.body = newInboundBody(w, r.Body, x.state.bodyTimeout)
		x.body.multiplexed = x.multiplexed
	}
	x.identifyClient(r)
	x.request = gate.Request{
		Method: r.Method,
		Host:   r.Host,
		Proto:  r.Proto,
		Target: r.RequestURI,
		URL:    r.URL,
		Header: r.Header,
		Time:   x.began,
		ID:     requestID(r, x.trusted),
	}
	if r.TLS != nil {
		x.request.Certificates = r.TLS.VerifiedChains
	}
	if x.body != nil {
		x.length, x.request.Body = r.ContentLength, x
	}
	return x
}

func (x *exchange) decide(r *http.Request) {
	x.state.gate.Decide(r.Context(), &x.request, &x.decision)
	x.decided = time.Now()
	x.decision.Made = x.request.Time.Add(x.decided.Sub(x.began))
	x.restrain()
}

// turnAway refuses a request before anything is decided about it.
func (x *exchange) turnAway(reason policy.Reason) {
	x.state.gate.Begin(&x.request, &x.decision)
	x.failure = &policy.Denial{Reason: reason}
}

// route returns what the proxy keeps for the matched route, nil without one.
func (x *exchange) route() *routeRuntime {
	if x.decision.Route == nil {
		return nil
	}
	return &x.state.routes[x.decision.Route.Index]
}

type exchangeKey struct{}

// exchangeOf returns the exchange that a proxied request belongs to.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// errRouteTimeout ends the context of an exchange whose route is out of time.
var errRouteTimeout = policy.Deny(policy.UpstreamTimeout, "")

// forward hands the request to its upstream. Failures end up in x.failure.
func (x *exchange) forward(r *http.Request) {
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	if limit := x.decision.Route.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errRouteTimeout)
		defer cancel()
	}
	r = r.WithContext(ctx)
	// It is not forwarded, and httputil answers a strange one itself.
	delete(r.Header, "Upgrade")
	switch {
	case x.whole:
		// The body itself is set in rewrite: httputil does not pass Close on.
		r.ContentLength, r.TransferEncoding = int64(len(x.held.content)), nil
	case x.held != nil:
		begin := x.held.open()
		r.Body = &resumedBody{io.MultiReader(begin, x.body), begin, x.body}
	case x.body != nil:
		if route := x.decision.Route; route.LimitsBody && !route.Reports(x.request.Time) {
			if x.length > route.BodyLimit {
				x.failure = x.tooLarge()
				return
			}
			x.body.room = route.BodyLimit
		}
		r.Body = x.body
	}
	proxy := x.route().upstream.proxy
	if x.decision.Upgrade {
		proxy = x.route().upstream.websocket
	}
	complete := false
	defer func() {
		if !complete { // httputil panics where it cannot pass on the whole answer
			x.failure = x.brokenOff(ctx)
		}
	}()
	x.answers = answerWriter{&x.writer, x}
	proxy.ServeHTTP(&x.answers, r)
	complete = true
	if x.switched != nil {
		x.relay(x.switched)
	}
}
