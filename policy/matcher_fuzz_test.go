package policy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// choices makes a case of the fuzzer's bytes: each byte picks one of a few
// values that are likely to meet.
type choices []byte

func (c *choices) below(n int) int {
	if len(*c) == 0 {
		return 0
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return int(b) % n
}

func (c *choices) of(values ...string) string { return values[c.below(len(values))] }

func (c *choices) patterns(methods ...string) []string {
	var patterns []string
	for range 1 + c.below(8) {
		var b strings.Builder
		if method := c.of(methods...); method != "" {
			b.WriteString(method + " ")
		}
		b.WriteString(c.of("", "", "h"))
		for i := range c.below(4) {
			b.WriteString("/" + c.of("a", "b", fmt.Sprintf("{x%d}", i), "A", "a.", "%62", "\u212A", "k", "a%2Fb"))
		}
		b.WriteString(c.of("/c", "/", "/{$}", "/{rest...}"))
		patterns = append(patterns, b.String())
	}
	return patterns
}

func (c *choices) path(segments ...string) string {
	var b strings.Builder
	for range c.below(5) {
		b.WriteString("/" + c.of(segments...))
	}
	return b.String() + c.of("/c", "/")
}

var plainSegments = []string{"a", "b", "c", "k", "A", "%61", "a.", "a%20", "B", "%E2%84%AA", "a%2fB", "%41%2Fb."}

func seed(f *testing.F) {
	for i := range byte(40) {
		var b []byte
		for j := range byte(60) {
			b = append(b, (i+1)*(j+3)^(j*j/7+i))
		}
		f.Add(b)
	}
}

// FuzzMatchServeMux compares with http.ServeMux where both must agree. Its
// patterns are without a method or for GET, and its requests GET or HEAD: with
// other methods ServeMux lets a request fall to a less specific path. What
// ServeMux calls a conflict is left out; of the rest, the pattern that it
// prefers matches a subset of the other's requests, and so comes first in our
// order too. Then:
//   - where it serves a pattern, we match that pattern with the same values, or
//     refuse a near miss of a more specific one, which it does not know;
//   - where it finds nothing, there is no route;
//   - where it redirects to a trailing slash, which we never do, anything goes.
func FuzzMatchServeMux(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choices(data)
		var served string
		mux := http.NewServeMux()
		var routes []*policy.Route
		for _, text := range c.patterns("", "GET") {
			r := route(t, text, text)
			handler := func(_ http.ResponseWriter, req *http.Request) {
				served = text
				for _, name := range r.Patterns[0].Wildcards() {
					served += fmt.Sprintf(" %s=%q", name, req.PathValue(name))
				}
			}
			if register(mux, text, handler) {
				routes = append(routes, r)
			}
		}
		m := matcher(t, routes...)
		for range 8 {
			method, host, path := c.of("GET", "HEAD"), c.of("h", "other"), c.path(plainSegments...)
			served = "no_route"
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(method, "http://"+host+path, nil))
			if w.Code == http.StatusTemporaryRedirect {
				continue
			}
			got := match(m, method+" "+host+path)
			if got != served && (got != "ambiguous_path" || served == "no_route") {
				t.Errorf("%s %s%s: got %s, ServeMux has %s", method, host, path, got, served)
			}
		}
	})
}

func register(mux *http.ServeMux, pattern string, handler http.HandlerFunc) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.HandleFunc(pattern, handler)
	return
}

// FuzzMatchModel compares with a model that tries every pattern and sorts
// those that match, for exact matches, near misses, methods and conflicts.
func FuzzMatchModel(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choices(data)
		var model modelMatcher
		var routes []*policy.Route
		var wantConflicts, gotConflicts []string
		for i, text := range c.patterns("", "GET", "HEAD", "POST") {
			r := route(t, fmt.Sprint(i), text)
			r.LoosePaths = c.below(2) == 0
			routes = append(routes, r)
			if p := newModelPattern(r); slices.ContainsFunc(model, func(q modelPattern) bool { return p.method == q.method && p.shape() == q.shape() }) {
				wantConflicts = append(wantConflicts, r.Name)
			} else {
				model = append(model, p)
			}
		}
		m, conflicts := policy.NewMatcher(routes)
		for _, conflict := range conflicts {
			gotConflicts = append(gotConflicts, conflict.Route.Name)
		}
		if !cmp.Equal(wantConflicts, gotConflicts) {
			t.Fatalf("conflicts: %s", cmp.Diff(wantConflicts, gotConflicts))
		}
		for range 8 {
			method, host := c.of("GET", "HEAD", "POST"), c.of("h", "other")
			path := c.path(append(plainSegments, ".", "", "..%20", "{x0}")...)
			if got, want := match(m, method+" "+host+path), model.match(method, host, path); got != want {
				t.Errorf("%s %s%s: got %s, want %s", method, host, path, got, want)
			}
		}
	})
}

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

func folded(s string) string {
	return strings.TrimRight(strings.ToLower(strings.ToUpper(unescaped(s))), " .")
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
