package policy

import (
	"net/http"
	"slices"
	"strings"
)

// endpoint is a path with all that is served there.
type endpoint struct {
	pattern    *Pattern // any of its patterns: they differ in method and names
	services   []service
	loose      bool  // near misses match
	notAllowed error // for the methods that no service has
}

// service is one pattern of a route at an endpoint.
type service struct {
	// method is the pattern's, in a text that all services share: of many routes, little
	// more than that is in the processor's cache.
	method  string
	pattern *Pattern
	route   *Route
}

func newService(p *Pattern, r *Route) service {
	s := service{p.method, p, r}
	if i := slices.Index(sharedMethods[:], p.method); i >= 0 {
		s.method = sharedMethods[i]
	}
	return s
}

var sharedMethods = [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions}

// add adds a service, unless there is one for the same method, which is
// returned.
func (e *endpoint) add(s service) (other *service) {
	if other := e.forMethod(s.method); other != nil {
		return other
	}
	e.services = append(e.services, s)
	return nil
}

// seal computes what follows from the services, once all are added. Endpoints with the
// same methods share a refusal.
func (e *endpoint) seal(refusals map[string]error) {
	var methods []string
	e.loose = true
	for _, s := range e.services {
		// A near miss may not slip into a strict route at the same path.
		e.loose = e.loose && s.route.LoosePaths
		methods = append(methods, s.method)
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	allow := strings.Join(slices.Compact(methods), ", ")
	if e.notAllowed = refusals[allow]; e.notAllowed == nil {
		e.notAllowed = &Denial{Reason: MethodNotAllowed, Allow: allow}
		refusals[allow] = e.notAllowed
	}
}

// service returns what serves the method, nil where nothing does.
func (e *endpoint) service(method string) *service {
	if s := e.forMethod(method); s != nil {
		return s
	}
	if method == http.MethodHead {
		if s := e.forMethod(http.MethodGet); s != nil {
			return s
		}
	}
	return e.forMethod("")
}

func (e *endpoint) forMethod(method string) *service {
	for i := range e.services {
		if e.services[i].method == method {
			return &e.services[i]
		}
	}
	return nil
}

func (e *endpoint) moreSpecificThan(other *endpoint) bool {
	return e.pattern.MoreSpecificThan(other.pattern)
}
