package policy_test

import (
	"fmt"
	"testing"

	"postern/policy"
)

// benchmarkRoutes returns n routes as a large installation has them, and for
// each a request that it serves.
func benchmarkRoutes(b *testing.B, n int) (routes []*policy.Route, paths []string) {
	b.Helper()
	for i := range n {
		routes = append(routes, route(b, fmt.Sprint(i), fmt.Sprintf("POST /svc-%d/v2/projects/{project}/customers/{customer}/events", i)))
		paths = append(paths, fmt.Sprintf("/svc-%d/v2/projects/6f1d2a/customers/c-42/events", i))
	}
	return routes, paths
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			routes, paths := benchmarkRoutes(b, n)
			m := matcher(b, routes...)
			var vals policy.Values
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := m.Match("POST", "example.com", paths[i%n], &vals); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A path with upper case and a trailing slash takes the second look-up.
func BenchmarkMatchFolding(b *testing.B) {
	routes, _ := benchmarkRoutes(b, 1_000)
	m := matcher(b, append(routes, route(b, "subtree", "/Chat/"))...)
	var vals policy.Values
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Match("GET", "example.com", "/Chat/Rooms/6F1D2A/", &vals); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatchMiss(b *testing.B) {
	routes, _ := benchmarkRoutes(b, 1_000)
	m := matcher(b, routes...)
	var vals policy.Values
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Match("GET", "example.com", "/svc-7/v2/projects/6f1d2a/customers/c-42/events", &vals); err == nil {
			b.Fatal("matched")
		}
	}
}

func BenchmarkBuild10000(b *testing.B) {
	routes, _ := benchmarkRoutes(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		policy.NewMatcher(routes)
	}
}
