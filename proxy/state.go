package proxy

import (
	"crypto/tls"
	"slices"
	"time"

	"postern/gate"
	"postern/metrics"
	"postern/policy"
)

// State is one generation of everything that a reload replaces. It is
// immutable; a request uses the one that it began with until its end.
type State struct {
	gate    *gate.Gate
	routes  []routeRuntime // by policy.Route.Index
	trusted []CIDR
	// bodyTimeout bounds the time in which a request's body arrives.
	bodyTimeout time.Duration
	bodyBytes   int64     // of all bodies that are read at a time
	requests    int64     // that are under way at a time, where HTTP/2 makes more than connections
	fullPath    bool      // log paths as they came
	failures    *Failures // nil where abuse control is off
	unrouted    *metrics.Route
	tls         *tls.Config // nil without TLS
	jwks        []byte      // of identity assertions; nil where there are none
	// authenticators by name, the built-in one included.
	authenticators map[string]*metrics.Authenticator
}

// routeRuntime is what the proxy keeps for a route.
type routeRuntime struct {
	upstream *Upstream
	metrics  *metrics.Route
	// strip is the number of leading segments that are not forwarded.
	strip int
}

// StateSettings are the parts of a generation.
type StateSettings struct {
	Gate        *gate.Gate
	Routes      []*policy.Route
	Upstreams   map[string]*Upstream
	Trusted     []CIDR
	BodyTimeout time.Duration
	BodyBytes   int64
	Requests    int
	FullPath    bool
	Failures    *Failures   // nil for no abuse control
	TLS         *tls.Config // of the listener; nil without TLS
	JWKS        []byte      // of identity assertions; nil where there are none
	Metrics     *metrics.Registry
}

// NewState compiles a generation, with the metric handles of each route.
func NewState(s StateSettings) *State {
	state := &State{
		gate:        s.Gate,
		routes:      make([]routeRuntime, len(s.Routes)),
		trusted:     s.Trusted,
		bodyTimeout: s.BodyTimeout,
		bodyBytes:   s.BodyBytes,
		requests:    int64(s.Requests),
		fullPath:    s.FullPath,
		failures:    s.Failures,
		unrouted:    s.Metrics.Route(""),
		tls:         s.TLS,
		jwks:        s.JWKS,

		authenticators: map[string]*metrics.Authenticator{"": s.Metrics.Authenticator("")},
	}
	for _, r := range s.Routes {
		state.routes[r.Index] = routeRuntime{
			upstream: s.Upstreams[r.Upstream],
			metrics:  s.Metrics.Route(r.Name),
			strip:    countSegments(r.StripPrefix),
		}
		for _, names := range r.Alternatives {
			for _, name := range slices.Concat(names, []string{policy.GroupName(names)}) {
				state.authenticators[name] = s.Metrics.Authenticator(name)
			}
		}
	}
	return state
}
