package policy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
