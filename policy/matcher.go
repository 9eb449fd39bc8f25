package policy

import (
	"fmt"
	"strings"
)

// Matcher finds the route of a request. It is immutable and safe for
// concurrent use.
type Matcher struct {
	exact tree
	// folded holds the same endpoints under folded literals; it is exact's
	// tree where folding changes none of them.
	folded       tree
	foldedDiffer bool
}

// Conflict is an error of the configuration: two patterns that match the same
// requests, so that neither can be preferred.
type Conflict struct {
	Route, Other               *Route // Other comes first in the configuration
	RoutePattern, OtherPattern *Pattern
	Example                    string // a request that both match
}

// Error names both patterns, the other route, and the example.
func (c Conflict) Error() string {
	return fmt.Sprintf("%q conflicts with %q of route %s: both match %s", c.RoutePattern, c.OtherPattern, c.Other.Name, c.Example)
}

// These are shared by all requests: a caller must not change them.
var (
	errNoRoute       = Deny(NoRoute, "")
	errAmbiguousPath = Deny(AmbiguousPath, "the path differs from a more specific one only in case, a trailing slash, dots or spaces")
)

// NewMatcher builds the matcher of all routes. Of two patterns that are equal
// but for the names of their wildcards the first is kept and the second
// reported; any others are put in order.
func NewMatcher(routes []*Route) (*Matcher, []Conflict) {
	m := &Matcher{exact: tree{hosts: map[string]*node{}}}
	var endpoints []*endpoint
	var conflicts []Conflict
	for _, r := range routes {
		for _, p := range r.Patterns {
			place := m.exact.place(p)
			if *place == nil {
				*place = &endpoint{pattern: p}
				endpoints = append(endpoints, *place)
			}
			if other := (*place).add(newService(p, r)); other != nil {
				conflicts = append(conflicts, Conflict{r, other.route, p, other.pattern, p.example()})
			}
		}
	}
	refusals := map[string]error{}
	for _, e := range endpoints {
		e.seal(refusals)
		m.foldedDiffer = m.foldedDiffer || changedByFolding(e.pattern)
	}
	m.folded = tree{folded: true, hosts: m.exact.hosts, any: m.exact.any}
	if m.foldedDiffer {
		m.folded = tree{folded: true, hosts: map[string]*node{}}
		for _, e := range endpoints {
			place := m.folded.place(e.pattern)
			if *place == nil {
				*place = e
			} else {
				// What is near to two paths is not let through to either.
				*place = &endpoint{pattern: e.pattern}
			}
		}
	}
	return m, conflicts
}

func changedByFolding(p *Pattern) bool {
	for _, s := range p.segments {
		if s.kind == literalSegment && string(fold([]byte(s.text))) != s.text {
			return true
		}
	}
	return false
}

// Match returns the route of a request and puts the values of its wildcards
// into vals. The host is normal (see [NormalizeHost]); the path is escaped, as
// [net/url.URL.EscapedPath] gives it, and has passed the hygiene of package
// gate.
//
// The path decides first: a pattern with the host beats those without one, and
// segment by segment from the left a literal beats {x}, which beats {x...} and
// a trailing slash. Then the method decides: its own pattern, for HEAD that of
// GET, the pattern without a method, or else [MethodNotAllowed]. No path is
// [NoRoute].
//
// A near miss is a request that would match a more specific path without case,
// with or without a trailing slash, without dots and spaces at the end of
// segments, decoded more than once, or not at all. Many backends take it for
// that path, so it is [AmbiguousPath] (or [NoRoute] where nothing
// else matches), unless all routes of that path have LoosePaths: then it
// matches there.
//
// The errors are shared by all requests and must not be changed.
func (m *Matcher) Match(method, host, escapedPath string, vals *Values) (*Route, error) {
	vals.Reset()
	if !strings.HasPrefix(escapedPath, "/") {
		return nil, errNoRoute
	}
	found := m.exact.find(host, escapedPath, 0, vals)
	careless := folded
	if isFolded(escapedPath) {
		careless = 0 // which reads it alike, and faster
	}
	if found != nil && m.confusable(host, escapedPath, careless, found) {
		return nil, errAmbiguousPath
	}
	if m.foldedDiffer || careless != 0 {
		var nearVals Values
		near := m.findNear(host, escapedPath, careless, &nearVals)
		if near != nil && (found == nil || near.moreSpecificThan(found)) {
			switch {
			case near.loose && !strings.Contains(escapedPath, "%25"):
				found, *vals = near, nearVals
			case found != nil:
				return nil, errAmbiguousPath
			}
		}
	}
	if found == nil {
		return nil, errNoRoute
	}
	s := found.service(method)
	if s == nil {
		return nil, found.notAllowed
	}
	vals.settle(s.pattern)
	return s.route, nil
}

// findNear returns the endpoint that the path matches when both are folded, by a
// reading that does, with its trailing slash or, where that is more specific, without.
func (m *Matcher) findNear(host, path string, careless reading, vals *Values) *endpoint {
	near := m.folded.find(host, path, careless, vals)
	bare := strings.TrimRight(path, "/")
	if bare == path {
		return near
	}
	var bareVals Values
	if e := m.folded.find(host, bare, careless, &bareVals); e != nil && (near == nil || e.moreSpecificThan(near)) {
		near, *vals = e, bareVals
	}
	return near
}

// confusable reports whether backends may serve a path that was found elsewhere:
// at a more specific subtree of which it is the root without its slash, or,
// where they compare paths undecoded, at another endpoint.
func (m *Matcher) confusable(host, path string, careless reading, found *endpoint) bool {
	var vals Values
	if !strings.HasSuffix(path, "/") {
		if e := m.folded.find(host, path, careless|open, &vals); e != nil && e.moreSpecificThan(found) && !e.loose {
			return true
		}
	}
	if strings.IndexByte(path, '%') < 0 {
		return false
	}
	vals.Reset()
	e := m.exact.find(host, path, raw, &vals)
	return e != nil && e != found
}
