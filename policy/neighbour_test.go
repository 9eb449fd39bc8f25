package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestNeighbours(t *testing.T) {
	for _, test := range []struct {
		name         string
		routes       []string
		method, path string
		limit        int // 3 unless told
		want         []string
	}{
		{"the last segment", []string{"POST /p/{id}/events", "POST /p/{id}/customers", "/"}, "POST", "/p/1/events", 0, []string{
			`POST /p/{id}/customers: segment 3 is "events", not customers`,
			`/: it matches, too, but in segment 1 p is more specific than a trailing slash`,
		}},
		{"the method", []string{"GET /p/{id}", "POST /p/{id}"}, "GET", "/p/1", 0, []string{"POST /p/{id}: the method is GET, not POST"}},
		{"no method allowed", []string{"GET /p/{id}", "POST /p/{id}"}, "PUT", "/p/1", 0, []string{
			"GET /p/{id}: the method is PUT, not GET", "POST /p/{id}: the method is PUT, not POST",
		}},
		{"HEAD is served by GET", []string{"GET /p", "HEAD /p"}, "HEAD", "/p", 0, []string{"GET /p: it matches, too, but HEAD /p names the method"}},
		{"a literal beats a wildcard", []string{"/p/{id}", "/p/me"}, "GET", "/p/me", 0, []string{
			"/p/{id}: it matches, too, but in segment 2 me is more specific than {id}",
		}},
		{"a host", []string{"a.example/p", "b.example/p", "/p"}, "GET", "/p", 0, []string{
			"/p: it matches, too, but a.example/p names the host",
		}},
		{"a path too short", []string{"/p/{id}/events"}, "GET", "/p/1", 0, []string{"/p/{id}/events: the path has no segment 3, which is events"}},
		{"a path too long", []string{"/p/{id}"}, "GET", "/p/1/events", 0, []string{"/p/{id}: the path goes on after segment 2"}},
		{"a slash too much", []string{"/p/{id}"}, "GET", "/p/1/", 0, []string{"/p/{id}: the path goes on after segment 2"}},
		{"a slash too few", []string{"/p/"}, "GET", "/p", 0, []string{"/p/: the path has no segment 2, which is the end of the path after a slash"}},
		{"escapes", []string{"/p/é"}, "GET", "/p/%c3%a9/x", 0, []string{"/p/é: the path goes on after segment 2"}},
		{"nothing near", []string{"/a", "/b"}, "GET", "/c", 1, []string{`/a: segment 1 is "c", not a`}},
		{"only one of many", []string{"/a/b", "/a/c", "/b"}, "GET", "/a/d", 1, []string{`/a/b: segment 2 is "d", not b`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			routes := parseRoutes(t, test.routes...)
			m, _ := policy.NewMatcher(routes)
			var values policy.Values
			_, _ = m.Match(test.method, "a.example", test.path, &values)
			if test.limit == 0 {
				test.limit = 3
			}
			var got []string
			for _, n := range policy.Neighbours(routes, values.Pattern(), test.method, "a.example", test.path, test.limit) {
				got = append(got, n.Pattern.String()+": "+n.Why)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("neighbours (-want +got):\n%s", diff)
			}
		})
	}
}

// parseRoutes returns a route for each pattern.
func parseRoutes(t *testing.T, patterns ...string) (routes []*policy.Route) {
	t.Helper()
	for i, text := range patterns {
		p, err := policy.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, &policy.Route{Index: i, Name: text, Patterns: []*policy.Pattern{p}})
	}
	return routes
}
