package gate

import (
	"net/http"

	"postern/policy"
)

// match finds the route of a request. A preflight asks about the route of the
// method that it announces, and is answered in its place where that route, or
// the one for OPTIONS, has a policy for other origins: no backend sees it then.
// Any other OPTIONS needs a route of its own.
func (g *Gate) match(r *Request, host, path string, d *Decision) (err error) {
	if requested := policy.RequestedMethod(r.Method, r.Header); requested != "" {
		d.Route, err = g.matcher.Match(requested, host, path, &d.values)
		if d.Preflight = g.hasCORS(d.Route) || g.hasCORS(g.forOptions(host, path)); d.Preflight {
			return err
		}
	}
	d.Route, err = g.matcher.Match(r.Method, host, path, &d.values)
	return err
}

func (g *Gate) forOptions(host, path string) *policy.Route {
	var ignored policy.Values
	route, _ := g.matcher.Match(http.MethodOptions, host, path, &ignored) // no route, no policy
	return route
}

func (g *Gate) hasCORS(r *policy.Route) bool { return r != nil && g.routes[r.Index].cors != nil }

// AnswerPreflight renders the answer to a preflight that is not refused. It
// allows nothing to a page that a route which only reports would refuse.
func (d *Decision) AnswerPreflight() Answer {
	return Answer{Status: http.StatusNoContent, Header: d.cors.Preflight(d.request.Header)}
}

// ApplyCORS sets in the header of a backend's answer what pages of other
// origins may read, where there is a policy for them.
func (d *Decision) ApplyCORS(h http.Header) {
	if d.request != nil {
		d.cors.Apply(h, d.request.Header)
	}
}
