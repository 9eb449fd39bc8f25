package proxy

import (
	"net/http"
	"time"

	"postern/gate"
	"postern/policy"
)

// Preview makes a handler decide about one request as it would at another time,
// and keeps what came of it.
type Preview struct {
	// Time is the moment of the decision, and RequestID stands for the one that is
	// made up otherwise.
	Time      time.Time
	RequestID string

	// Trace says how the decision came about.
	Trace gate.Trace
	// Decision is the gate's; Denial is why the request was refused, by the gate or
	// after it, nil where it was not.
	Decision gate.Decision
	Denial   *policy.Denial
}

// Preview serves a request like [Handler.ServeHTTP]: nothing but the time, the
// request's id and the trace is different.
func (h *Handler) Preview(w http.ResponseWriter, r *http.Request, p *Preview) {
	x := newExchange(h, w, r)
	x.request.Time, x.request.Trace = p.Time, &p.Trace
	if !x.trusted {
		x.request.ID = p.RequestID
	}
	defer func() { p.Decision, p.Denial = x.decision, x.outcome() }()
	h.conduct(x, 1, func(x *exchange) { x.serve(r) })
}
