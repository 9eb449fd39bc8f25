package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"postern/policy"
)

// reporting counts the routes in report mode whenever it is asked, since each
// may end at a time of its own.
type reporting struct {
	routes atomic.Pointer[[]*policy.Route]
}

func newReporting(f family) *reporting {
	r := &reporting{}
	f.factory.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "routes_reporting", Help: "Routes that report what they would deny, and deny nothing.",
	}, r.count)
	return r
}

func (r *reporting) count() (n float64) {
	routes, now := r.routes.Load(), time.Now()
	if routes == nil {
		return 0
	}
	for _, route := range *routes {
		if route.Reports(now) {
			n++
		}
	}
	return n
}

// Reporting says which routes there are now.
func (r *Registry) Reporting(routes []*policy.Route) { r.reporting.routes.Store(&routes) }
