package gate

import (
	"net/http"

	"postern/authn"
	"postern/policy"
)

// checkOrigin keeps other pages from using a browser's cookies: beside GET and
// HEAD, which change nothing, and on upgrades, which are GET but open a channel,
// a request that names its page must come from one of the route's. A request
// without Origin comes from no browser.
func checkOrigin(r *Request, route *policy.Route) error {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	if route.Origins == nil || safe && !isUpgrade(r.Header) {
		return nil
	}
	r.Trace.Enter(authn.CheckOrigin)
	if len(r.Header["Origin"]) == 0 || policy.IsFromPage(r.Header, route.Origins) {
		return nil
	}
	return policy.Deny(policy.OriginNotAllowed, "")
}

// isUpgrade reports whether the client asks for another protocol (RFC 9110,
// section 7.8).
func isUpgrade(h http.Header) bool { return len(h["Upgrade"]) > 0 }
