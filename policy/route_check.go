package policy

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpguts"
)

// ReservedName is what a metric says where there is no route, authenticator or
// upstream; none of them may be called so.
const ReservedName = "none"

// maxNameBytes bounds the name of a route, which every line of the log repeats.
const maxNameBytes = 128

func notPrintable(r rune) bool { return !unicode.IsPrint(r) }

// CheckRoutes reports what is wrong with routes beyond their syntax, as far as
// policy alone can tell.
func CheckRoutes(at Path, settings []RouteSettings, global map[string]*Template, problems *Problems) {
	checkHeaders(Path{"identity_headers"}, global, nil, false, problems)
	names := make(map[string]int, len(settings))
	for i := range settings {
		s, place := &settings[i], at.At(i)
		if len(s.Match) == 0 {
			problems.Addf(place, "match is missing")
		}
		if other, taken := names[s.routeName()]; taken && s.routeName() != "" {
			problems.List = append(problems.List, Problem{
				Path: place.At("name"), Other: at.At(other), Message: fmt.Sprintf("the name %q is taken", s.routeName()),
			})
		}
		names[s.routeName()] = i
		switch {
		case len(s.Name) > maxNameBytes || strings.ContainsFunc(s.Name, notPrintable):
			problems.Addf(place.At("name"), "is no name: use up to %d bytes without control characters", maxNameBytes)
		case s.Name == ReservedName:
			problems.Addf(place.At("name"), "%s is reserved: it is the label of what has no name", ReservedName)
		}
		if s.Mode != Report && !s.Until.IsZero() {
			problems.Addf(place.At("until"), "only mode: report has an end")
		}
		s.Require.Check(place.At("require"), problems)
		if s.Timeout != nil && *s.Timeout <= 0 {
			problems.Addf(place.At("timeout"), "wants more than 0s: leave it out for no bound")
		}
		s.checkBody(place, problems)
		s.checkOrigins(place, problems)
		s.checkUpgrade(place, problems)
		s.Streams.Check(place.At("streams"), problems)
		s.CORS.Check(place.At("cors"), problems)
		s.Strip.Check(place.At("strip"), problems)
		s.checkPrefixes(place, problems)
		s.checkRules(place, problems)
		checkHeaders(place.At("identity_headers"), s.IdentityHeaders, s.Consistency, true, problems)
		s.checkGlobalHeaders(place, global, problems)
	}
}

func (s *RouteSettings) checkRules(at Path, problems *Problems) {
	for i, rule := range s.Consistency {
		place := at.At("consistency", i)
		if !rule.Identity.OfIdentity() {
			problems.Addf(place.At("identity"), "%s is no part of an identity", rule.Identity)
		}
		inProfile := rule.Profile.String() != ""
		switch {
		case inProfile && !rule.Request.IsZero():
			problems.Addf(place.At("profile"), "stands in place of request: use one or the other")
		case inProfile && rule.With == "":
			problems.Addf(place, "with is missing: name the authenticator that asks for the profile")
		case !inProfile && rule.With != "":
			problems.Addf(place.At("profile"), "is missing: name the member of the profile that with is told")
		case inProfile && strings.Contains(rule.Profile.String(), "[*]"):
			problems.Addf(place.At("profile"), "a profile names the customer in one place: use an index")
		case inProfile:
		case rule.Request.IsZero():
			problems.Addf(place, "request is missing")
		case rule.Request.OfIdentity():
			problems.Addf(place.At("request"), "%s is no part of a request", rule.Request)
		case rule.Request.Source == RequestID:
			problems.Addf(place.At("request"), "request_id names nobody")
		}
		if rule.UnsignedIDs != nil && (rule.Request.Source != Body && !inProfile || rule.Op == In) {
			problems.Addf(place.At("unsigned_ids"), "says something only of an object of ids in a body")
		}
		if rule.When != nil && len(rule.When) == 0 {
			problems.Addf(place.At("when"), "an empty list would switch the rule off")
		}
		s.checkWildcard(place.At("request"), rule.Request, problems)
	}
}

// checkWildcard: a path value must be captured by every pattern of the route.
func (s *RouteSettings) checkWildcard(at Path, ref Reference, problems *Problems) {
	if ref.Source != PathValue {
		return
	}
	for i := range s.Match {
		if p := &s.Match[i]; p.String() != "" && !p.HasWildcard(ref.Name) {
			problems.Addf(at, "the pattern %q has no wildcard {%s}", s.Match[i].String(), ref.Name)
		}
	}
}

func (s *RouteSettings) checkPrefixes(at Path, problems *Problems) {
	for key, prefix := range map[string]string{"strip_prefix": s.StripPrefix, "add_prefix": s.AddPrefix} {
		if prefix == "" {
			continue
		}
		pattern, err := ParsePattern(prefix)
		if err != nil || prefix[0] != '/' || len(pattern.Wildcards()) > 0 || strings.HasSuffix(prefix, "/") || strings.ContainsFunc(prefix, notPlainPath) {
			problems.Addf(at.At(key), "%q is no prefix: use a plain path without a slash at its end, such as /v2", prefix)
		}
	}
	for i := range s.Match {
		if path := s.Match[i].Path(); path != "" && s.StripPrefix != "" && path != s.StripPrefix && !strings.HasPrefix(path, s.StripPrefix+"/") {
			problems.Addf(at.At("strip_prefix"), "the pattern %q does not begin with %q", s.Match[i].String(), s.StripPrefix)
		}
	}
}

// notPlainPath reports whether a byte of a path might be encoded on its way.
func notPlainPath(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/-._~", r))
}

// checkGlobalHeaders: a global template may name a part of the request only
// where each route that sends it compares that part.
func (s *RouteSettings) checkGlobalHeaders(at Path, global map[string]*Template, problems *Problems) {
	for _, name := range slices.Sorted(maps.Keys(global)) {
		merged := mergeHeaders(map[string]*Template{name: global[name]}, s.IdentityHeaders)
		if template := merged[http.CanonicalHeaderKey(name)]; template == nil || template != global[name] {
			continue
		}
		for _, ref := range global[name].References() {
			if ref.OfRequest() && !compares(s.Consistency, ref) {
				problems.Addf(at, "sends the identity header %s, but no required rule of this route compares %s", name, ref)
			}
		}
	}
}

// CheckIdentityHeader reports a name that no header of an identity can have.
func CheckIdentityHeader(at Path, name string, problems *Problems) {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !httpguts.ValidHeaderFieldName(name) || CanonicalAlias(name) != canonical:
		problems.Addf(at, "%q: use letters, digits and hyphens only, since backends read other names alike", name)
	case isTaken(canonical):
		problems.Addf(at, "%s has a meaning of its own and cannot carry an identity", name)
	}
}

func checkHeaders(at Path, templates map[string]*Template, rules []RuleSettings, ofRoute bool, problems *Problems) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		place, canonical := at.At(name), http.CanonicalHeaderKey(name)
		CheckIdentityHeader(place, name, problems)
		if other := seen[canonical]; other != "" {
			problems.Addf(place, "is the same header as %s", other)
		}
		seen[canonical] = name
		if templates[name] == nil {
			if !ofRoute {
				problems.Addf(place, "null removes a header from one route: there is nothing to remove here")
			}
			continue
		}
		if !ofRoute {
			continue // what it may name depends on each route
		}
		for _, ref := range templates[name].References() {
			if ref.OfRequest() && !compares(rules, ref) {
				problems.Addf(place, "no required rule of this route compares %s, so that a client could choose it", ref)
			}
		}
	}
}

// compares reports whether the upstream may be told a part of the request: it
// is our own, or a required rule that always applies compares it, and all of it.
func compares(rules []RuleSettings, ref Reference) bool {
	return ref.Source == RequestID || slices.ContainsFunc(rules, func(rule RuleSettings) bool {
		return rule.Required && len(rule.When) == 0 && len(rule.UnsignedIDs) == 0 && rule.Request.Same(ref)
	})
}

// checkBody holds the parts of the body that are read to what a body can have.
func (s *RouteSettings) checkBody(at Path, problems *Problems) {
	if most := s.MaxBody(); most < 1 || most > 1<<30 {
		problems.Addf(at.At("body_limit"), "wants 1B to 1GiB")
	}
	var plan BodyPlan
	for i, rule := range s.Consistency {
		if rule.Request.Source != Body {
			continue
		}
		place := at.At("consistency", i, "request")
		if s.Body == FormBody && rule.Request.Path.Member() == "" {
			problems.Addf(place, "a form has no members inside others: name one, as body.<name> or body[\"<name>\"]")
		} else if _, err := plan.Add(rule.Request.Path); s.Body != FormBody && err != nil {
			problems.Addf(place, "%v", err)
		}
	}
}

// checkOrigins: an origin is compared as a whole (RFC 6454, section 6.2).
func (s *RouteSettings) checkOrigins(at Path, problems *Problems) {
	for i, origin := range s.Origins {
		if !isOrigin(origin) {
			problems.Addf(at.At("origins", i), notAnOrigin, origin)
		}
	}
}
