package proxy

import (
	"errors"
	"net/http"
	"net/url"

	"postern/gate"
	"postern/policy"
)

// Inquire decides about a request that another proxy serves, whose connection it
// came on, and answers that proxy: 200 with the headers that the upstream should
// get, or the refusal that the client should get. Everything is counted and logged
// as for a request of a client. The error says why it is not known what is asked
// about; r is then the question itself. Only a trusted proxy is told anything.
func (h *Handler) Inquire(w http.ResponseWriter, r *http.Request, err error) {
	h.exchange(w, r, func(x *exchange) {
		if !x.trusted {
			err = errUntrusted
		}
		if err != nil {
			x.state.gate.Begin(&x.request, &x.decision)
			x.failure = policy.AsDenial(err)
			return
		}
		x.decide(r)
		switch {
		case x.decision.Denial != nil:
		// What would be removed here, the proxy that asks passes on.
		case x.decision.Misleading(r.Header), x.decision.ReservedTrailers(r.Trailer) > 0:
			x.failure = &policy.Denial{Reason: policy.MalformedRequest, Detail: "a header would tell the backend of another identity, method or path"}
		case r.Header["Upgrade"] != nil && !x.decision.Upgrade:
			x.failure = &policy.Denial{Reason: policy.MalformedRequest, Detail: "the route allows no such upgrade"}
		default:
			x.grant()
		}
	})
}

// errUntrusted is a fault of ours, and no client's: most likely the list lacks the
// proxy that asks.
var errUntrusted = policy.Fail(policy.Internal, errors.New("who asks is not among server.trusted_proxies"))

// grant tells the proxy that asks what the upstream should be told.
func (x *exchange) grant() {
	header := http.Header{}
	x.decision.Outbound(header, new(url.URL))
	header["X-Request-Id"] = []string{x.request.ID}
	header["Cache-Control"] = []string{"no-store"}
	x.status = http.StatusOK
	x.write(gate.Answer{Status: x.status, Header: header})
}
