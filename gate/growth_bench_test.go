package gate_test

import (
	"fmt"
	"testing"
	"time"

	"postern/gate"
	"postern/policy"
)

// BenchmarkDecideRoutes takes turns with a policy of one route, so that a busy machine
// slows both, and reports how much longer a decision takes among many. Either takes
// as many requests in turn, which go to all of its routes.
func BenchmarkDecideRoutes(b *testing.B) {
	const requests = 10_000
	among := func(n int) (*gate.Gate, []*gate.Request) {
		var settings []policy.RouteSettings
		for i := range n {
			match := fmt.Sprintf("POST /svc-%d/projects/{project}/customers/{customer}/events", i)
			settings = append(settings, route(b, match, []string{"project"}, rule{identity: "attributes.project", request: "path.project"}))
		}
		list := make([]*gate.Request, requests)
		for i := range list {
			list[i] = request(b, fmt.Sprintf("POST /svc-%d/projects/acme/customers/c-42/events", i%n), "Authorization: Token "+projectToken)
		}
		return compile(b, settings, map[string]string{"X-Auth-Level": "{level}"}, authenticators(b)), list
	}
	one, ofOne := among(1)
	for _, n := range []int{1, 10, 100, 1_000, requests} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			many, ofMany := among(n)
			var d gate.Decision
			var single, whole time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				one.Decide(b.Context(), ofOne[i%requests], &d)
				middle := time.Now()
				many.Decide(b.Context(), ofMany[i%requests], &d)
				single, whole = single+middle.Sub(start), whole+time.Since(middle)
				if d.Denial != nil {
					b.Fatal(d.Denial)
				}
			}
			b.ReportMetric(float64(whole)/float64(b.N), "ns-decision")
			b.ReportMetric(float64(whole)/float64(single), "times-one-route")
		})
	}
}
