package gate

import (
	"net/http"
	"strings"

	"postern/policy"
)

// match finds the route of a request. A preflight asks about the route of the
// method that it announces, and is answered in its place where that route, or
// the one for OPTIONS, has a policy for other origins: no backend sees it then.
// Any other OPTIONS needs a route of its own.
func (g *Gate) match(r *Request, path string, d *Decision) (err error) {
	if requested := policy.RequestedMethod(r.Method, r.Header); requested != "" {
		d.Route, err = g.matcher.Match(requested, d.host, path, &d.values)
		if d.Preflight = hasCORS(d.Route) || hasCORS(g.forOptions(d.host, path)); d.Preflight {
			return err
		}
	}
	d.Route, err = g.matcher.Match(r.Method, d.host, path, &d.values)
	return err
}

func (g *Gate) forOptions(host, path string) *policy.Route {
	var ignored policy.Values
	route, _ := g.matcher.Match(http.MethodOptions, host, path, &ignored) // no route, no policy
	return route
}

func hasCORS(r *policy.Route) bool { return r != nil && r.CORS != nil }

// servesDecoded reports whether a backend that takes an encoded slash for a
// slash would serve the path under a more specific pattern than the one found.
func (g *Gate) servesDecoded(method, host, path string, found *policy.Pattern) bool {
	var values policy.Values
	_, err := g.matcher.Match(method, host, strings.NewReplacer("%2F", "/", "%2f", "/").Replace(path), &values)
	if err != nil {
		return policy.ReasonOf(err) != policy.NoRoute
	}
	return values.Pattern().MoreSpecificThan(found)
}
