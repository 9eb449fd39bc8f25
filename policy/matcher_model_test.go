package policy_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"postern/policy"
)

// modelPattern is a pattern as its text: the segments of its path unparsed.
type modelPattern struct {
	route        *policy.Route
	method, host string
	segments     []string
}

func newModelPattern(r *policy.Route) modelPattern {
	p := r.Patterns[0]
	method, rest, ok := strings.Cut(strings.TrimSuffix(p.String(), p.Path()), " ")
	if !ok {
		method, rest = "", method
	}
	return modelPattern{r, method, rest, strings.Split(p.Path()[1:], "/")}
}

// kind is the rank of a segment in the order of the contract.
func kind(segment string) int {
	switch {
	case segment == "" || strings.HasSuffix(segment, "...}"):
		return 2
	case segment != "{$}" && segment[0] == '{':
		return 1
	default:
		return 0
	}
}

// shape is equal for the patterns of one path.
func (p modelPattern) shape() string {
	shape := p.host
	for _, s := range p.segments {
		if k := kind(s); k == 0 && s != "{$}" {
			shape += fmt.Sprintf("/%q", unescaped(s)) // an encoded slash is none
		} else if k == 0 {
			shape += "/{$}"
		} else {
			shape += fmt.Sprintf("/{%d}", k)
		}
	}
	return shape
}

func (p modelPattern) compare(q modelPattern) int {
	if (p.host == "") != (q.host == "") {
		return strings.Compare(q.host, p.host)
	}
	for i := range min(len(p.segments), len(q.segments)) {
		if a, b := kind(p.segments[i]), kind(q.segments[i]); a != b {
			return a - b
		}
	}
	return 0
}

// modelSegment is a segment of a request: as it is compared, and what it and
// all after it are as they came.
type modelSegment struct{ text, own, rest string }

func modelSegments(path string, reading func(string) string, folded bool) []modelSegment {
	parts := strings.Split(path[1:], "/")
	var segments []modelSegment
	for i, part := range parts {
		s := modelSegment{reading(part), unescaped(part), unescaped(strings.Join(parts[i:], "/"))}
		if trailing := i == len(parts)-1 && part == ""; s.text != "" || trailing || !folded {
			segments = append(segments, s)
		}
	}
	return segments
}

// matches returns the outcome with the values, and whether p matches.
func (p modelPattern) matches(host string, request []modelSegment, reading func(string) string) (string, bool) {
	if p.host != "" && p.host != host {
		return "", false
	}
	outcome := p.route.Name
	for i, s := range p.segments {
		if i == len(request) {
			return "", false
		}
		name := strings.TrimSuffix(strings.Trim(s, "{}"), "...")
		switch got := request[i]; {
		case s == "":
			return outcome, true
		case kind(s) == 2:
			return outcome + fmt.Sprintf(" %s=%q", name, got.rest), true
		case s == "{$}":
			if got.text != "" {
				return "", false
			}
		case kind(s) == 1:
			if got.text == "" {
				return "", false
			}
			outcome += fmt.Sprintf(" %s=%q", name, got.own)
		case got.text != reading(s):
			return "", false
		}
	}
	return outcome, len(request) == len(p.segments)
}

func unescaped(s string) string {
	u, err := url.PathUnescape(s)
	if err != nil {
		panic(err)
	}
	return u
}

// escape is a byte that is percent-encoded.
var escape = regexp.MustCompile("%[0-9A-Fa-f]{2}")

// unescapedLeniently leaves a % alone that begins no encoding.
func unescapedLeniently(s string) string {
	return escape.ReplaceAllStringFunc(s, unescaped)
}

func folded(s string) string {
	for s != unescapedLeniently(s) {
		s = unescapedLeniently(s)
	}
	return strings.TrimRight(strings.ToLower(strings.ToUpper(s)), " .")
}

// undecoded reads a segment that is spelled with needless escapes as nothing
// that a pattern has.
func undecoded(s string) string {
	for _, e := range escape.FindAllString(s, -1) {
		if c := unescaped(e); strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789-._~", strings.ToLower(c)) {
			return "\x00"
		}
	}
	return unescaped(s)
}

func allLoose(matches []modelMatch) bool {
	return !slices.ContainsFunc(matches, func(m modelMatch) bool { return !m.route.LoosePaths })
}

type modelMatcher []modelPattern

// modelMatch is a pattern that matches, with its outcome.
type modelMatch struct {
	modelPattern
	outcome string
}

// best returns all patterns that match and that no other one comes before.
func (m modelMatcher) best(host string, request []modelSegment, reading func(string) string) []modelMatch {
	var all []modelMatch
	for _, p := range m {
		if outcome, ok := p.matches(host, request, reading); ok {
			all = append(all, modelMatch{p, outcome})
		}
	}
	slices.SortStableFunc(all, func(a, b modelMatch) int { return a.compare(b.modelPattern) })
	for i := range all {
		if all[0].compare(all[i].modelPattern) != 0 {
			return all[:i]
		}
	}
	return all
}

func (m modelMatcher) match(method, host, path string) string {
	before := func(a, b []modelMatch) bool {
		return len(a) > 0 && (len(b) == 0 || a[0].compare(b[0].modelPattern) < 0)
	}
	found := m.best(host, modelSegments(path, unescaped, false), unescaped)
	near := m.best(host, modelSegments(path, folded, true), folded)
	if bare := strings.TrimRight(path, "/"); bare != path && bare != "" {
		if b := m.best(host, modelSegments(bare, folded, true), folded); before(b, near) {
			near = b
		}
	}
	if !strings.HasSuffix(path, "/") && len(found) > 0 {
		if b := m.best(host, modelSegments(path+"/", folded, true), folded); before(b, found) && !allLoose(b) {
			return "ambiguous_path"
		}
	}
	if b := m.best(host, modelSegments(path, undecoded, false), unescaped); len(b) > 0 && len(found) > 0 && b[0].shape() != found[0].shape() {
		return "ambiguous_path"
	}
	if before(near, found) {
		strict := func(p modelMatch) bool { return !p.route.LoosePaths || p.shape() != near[0].shape() }
		if !slices.ContainsFunc(near, strict) {
			found = near
		} else if len(found) > 0 {
			return "ambiguous_path"
		}
	}
	if len(found) == 0 {
		return "no_route"
	}
	serving := map[string]string{}
	var allow []string
	for _, p := range found {
		serving[p.method] = p.outcome
		allow = append(allow, p.method)
		if p.method == "GET" {
			allow = append(allow, "HEAD")
		}
	}
	tried := []string{method, ""}
	if method == "HEAD" {
		tried = []string{"HEAD", "GET", ""}
	}
	for _, method := range tried {
		if outcome, ok := serving[method]; ok {
			return outcome
		}
	}
	slices.Sort(allow)
	return "method_not_allowed " + strings.Join(slices.Compact(allow), ", ")
}
