package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"postern/policy"

	"github.com/prometheus/client_golang/prometheus"
)

// Route counts the requests and decisions of one route. It is safe for
// concurrent use; counting what was counted before takes no lock and allocates
// nothing.
type Route struct {
	requests  series[requestKey, prometheus.Counter]
	decisions series[decisionKey, prometheus.Counter]
	duration  series[only, prometheus.Observer]
	streams   series[only, prometheus.Gauge]
}

func routesOf(f family) func(name string) *Route {
	requests := f.counter("requests_total", "Requests answered.", "route", "method", "code")
	decisions := f.counter("decisions_total", "Decisions made.", "route", "authenticator", "decision", "reason")
	duration := f.histogram("request_duration_seconds", "Time from the head of a request to the end of its answer.", requestBuckets, "route")
	streams := f.gauge("streams_open", "Websockets and event streams that are open.", "route")
	return func(name string) *Route {
		return &Route{
			requests:  series[requestKey, prometheus.Counter]{vector: requests, owner: name},
			decisions: series[decisionKey, prometheus.Counter]{vector: decisions, owner: name},
			duration:  series[only, prometheus.Observer]{vector: duration, owner: name},
			streams:   series[only, prometheus.Gauge]{vector: streams, owner: name},
		}
	}
}

// Route returns the handle of a route, the same for the same name until
// [Registry.ForgetRoutes]. The empty name stands for requests without a route.
// It takes a lock: hold the handle, do not ask for it on each request.
func (r *Registry) Route(name string) *Route { return r.routes.of(name) }

// ForgetRoutes deletes every series of the routes whose names are not in keep.
// Requests still being served on them are counted no more.
func (r *Registry) ForgetRoutes(keep map[string]bool) { r.routes.forget(named(keep)) }

func (r *Route) detach() {
	r.requests.detach()
	r.decisions.detach()
	r.duration.detach()
	r.streams.detach()
}

// Request counts an answered request with the method as the client wrote it,
// the status of the answer (499 for a client that went away), and how long it
// took.
func (r *Route) Request(method string, code int, d time.Duration) {
	if c, ok := r.requests.at(requestKeyOf(method, code)); ok {
		c.Inc()
	}
	if o, ok := r.duration.at(only{}); ok {
		o.Observe(d.Seconds())
	}
}

// Decision counts a decision: allow, deny or report_deny, with the name of the
// authenticator that decided (those of a group joined with +, "" for none) and
// the reason. Both names must come from the configuration or the program.
func (r *Route) Decision(authenticator, decision string, reason policy.Reason) {
	if c, ok := r.decisions.at(decisionKey{label(authenticator), decision, reason}); ok {
		c.Inc()
	}
}

type decisionKey struct {
	authenticator, decision string
	reason                  policy.Reason
}

func (k decisionKey) labels(route string) []string {
	return []string{route, k.authenticator, k.decision, k.reason.String()}
}

// requestKey is four bytes without padding, which Go's maps hash as an integer.
type requestKey struct {
	method uint16 // an index of methods
	code   uint16 // 0 for every other
}

const other = "other"

// methods are the label values; the first stands for every method that is not
// one of the others.
var methods = [...]string{
	other,
	http.MethodGet,
	http.MethodHead,
	http.MethodPost,
	http.MethodPut,
	http.MethodPatch,
	http.MethodDelete,
	http.MethodOptions,
	http.MethodConnect,
	http.MethodTrace,
}

func requestKeyOf(method string, code int) requestKey {
	if code < 100 || code > 599 {
		code = 0
	}
	return requestKey{uint16(max(0, slices.Index(methods[:], method))), uint16(code)}
}

func (k requestKey) labels(route string) []string {
	code := other
	if k.code != 0 {
		code = strconv.Itoa(int(k.code))
	}
	return []string{route, methods[k.method], code}
}
