package gate

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"postern/authn"
)

// carrierNames are the places beside headers where any authenticator of the
// configuration reads credentials: they end here on every route.
type carrierNames struct {
	query, cookies, protocols []string
}

func newCarrierNames(authenticators map[string]authn.Authenticator) (n carrierNames) {
	for _, a := range authenticators {
		for _, c := range a.Carriers() {
			addName(&n.query, c.Query)
			addName(&n.cookies, c.Cookie)
			addName(&n.protocols, c.Protocol)
		}
	}
	return n
}

// stripCarriers removes credentials that stand beside headers, and what the
// route strips. What stays, stays byte by byte.
func (d *Decision) stripCarriers(h http.Header, u *url.URL) {
	names, strip := &d.gate.carriers, &d.Route.Strip
	if u.RawQuery != "" && len(names.query)+len(strip.Query) > 0 {
		u.RawQuery = withoutParams(u.RawQuery, func(name string) bool {
			return isNamed(strip.Query, name) ||
				d.ends(names.query, name, func(c authn.Carrier) string { return c.Query })
		})
	}
	if fields := h["Cookie"]; len(fields) > 0 && len(names.cookies)+len(strip.Cookies) > 0 {
		pairs := splitList(fields, ";")
		setKept(h, "Cookie", "; ", pairs, withoutCookies(pairs, func(name string) bool {
			return isNamed(strip.Cookies, name) ||
				d.ends(names.cookies, name, func(c authn.Carrier) string { return c.Cookie })
		}))
	}
	if fields := h["Sec-Websocket-Protocol"]; len(fields) > 0 && len(names.protocols) > 0 {
		list := splitList(fields, ",")
		setKept(h, "Sec-Websocket-Protocol", ", ", list, withoutProtocols(list, func(protocol string) bool {
			return slices.ContainsFunc(names.protocols, func(marker string) bool {
				return strings.EqualFold(protocol, marker) &&
					d.ends(names.protocols, marker, func(c authn.Carrier) string { return c.Protocol })
			})
		}))
	}
}

// ends reports whether a place where credentials stand is removed.
func (d *Decision) ends(names []string, name string, place func(authn.Carrier) string) bool {
	return isNamed(names, name) && !d.passesCredentials() &&
		!slices.ContainsFunc(d.forwarded, func(c authn.Carrier) bool { return place(c) == name })
}

// isNamed reports whether some backend takes name for one of names.
func isNamed(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return n == name || isNameAlias(name, n) })
}

// setKept writes what is kept of a list, in one field. A list that is kept whole
// stays as it came.
func setKept(h http.Header, name, separator string, list, kept []string) {
	switch len(kept) {
	case len(list):
	case 0:
		delete(h, name)
	default:
		h[name] = []string{strings.Join(kept, separator)}
	}
}

// withoutParams removes parameters from a query that has passed its checks.
func withoutParams(query string, remove func(name string) bool) string {
	kept := make([]string, 0, strings.Count(query, "&")+1)
	for text := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(text, "=")
		if name, _ = unescapeParam(name); !remove(name) {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, "&")
}

func withoutCookies(pairs []string, remove func(name string) bool) (kept []string) {
	removed := func(text string) bool {
		name, _, _ := strings.Cut(text, "=")
		return remove(strings.Trim(name, " \t"))
	}
	for _, pair := range pairs {
		// Python ends a cookie at commas, spaces and quotes, too.
		divided := strings.ContainsFunc(pair, notInCookie)
		if !removed(pair) && !(divided && slices.ContainsFunc(strings.FieldsFunc(pair, notInCookie), removed)) {
			kept = append(kept, pair)
		}
	}
	return kept
}

// withoutProtocols removes markers and the credentials after them.
func withoutProtocols(list []string, remove func(marker string) bool) (kept []string) {
	afterMarker := false
	for _, protocol := range list {
		switch marker := remove(protocol); {
		case !marker && !afterMarker:
			kept = append(kept, protocol)
		default:
			afterMarker = marker
		}
	}
	return kept
}
