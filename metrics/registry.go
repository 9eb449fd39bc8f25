package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const (
	namespace = "postern"

	// none is the value of a label that is not known: the route of a request
	// that matched none, the authenticator of one that was refused before any.
	none = "none"
)

// Upper bounds in seconds. A decision from the token cache takes microseconds,
// one that waits for keys or for an introspection takes seconds; a request
// takes what its backend takes.
var (
	decisionBuckets = []float64{1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, .025, .1, .5, 1, 5}
	requestBuckets  = []float64{1e-3, 2.5e-3, 5e-3, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

// Registry holds every metric of the program. It is safe for concurrent use.
type Registry struct {
	prometheus *prometheus.Registry

	routes         *handles[*Route]
	upstreams      *handles[*Upstream]
	authenticators *handles[*Authenticator]
	sources        *handles[*source]
	files          *handles[*file]

	cacheHits, cacheMisses, cacheEvictions        prometheus.Counter
	cacheEntries                                  prometheus.Gauge
	strippedExact, strippedAlias, strippedTrailer prometheus.Counter
	inFlight                                      prometheus.Gauge
	reloadSuccessful, reloadTime                  prometheus.Gauge
	reloadsSucceeded, reloadsFailed               prometheus.Counter
	reporting                                     *reporting
	logDropped                                    prometheus.Counter
	tlsNotAfter                                   *prometheus.GaugeVec // one series, once there is a certificate
	streamsClosed                                 *prometheus.CounterVec
}

// New returns a registry of its own, with the collectors of the Go runtime and
// of the process. The two versions are the labels of postern_build_info.
func New(version, goVersion string) *Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	f := family{promauto.With(registry)}

	f.gauge("build_info", "Always 1; the labels say what is running.", "version", "goversion").
		WithLabelValues(version, goVersion).Set(1)
	stripped := f.counter("stripped_headers_total", "Headers of clients removed because their name is reserved.", "kind")
	reloads := f.counter("config_reloads_total", "Configurations loaded, the one at start included.", "result")

	return &Registry{
		prometheus: registry,

		routes:         newHandles(routesOf(f)),
		upstreams:      newHandles(upstreamsOf(f)),
		authenticators: newHandles(authenticatorsOf(f)),
		sources:        newHandles(sourcesOf(f)),
		files:          newHandles(filesOf(f)),

		cacheHits:      f.counter("token_cache_hits_total", "Verified tokens found in the token cache.").WithLabelValues(),
		cacheMisses:    f.counter("token_cache_misses_total", "Tokens not found in the token cache.").WithLabelValues(),
		cacheEvictions: f.counter("token_cache_evictions_total", "Entries dropped from the token cache to make room.").WithLabelValues(),
		cacheEntries:   f.gauge("token_cache_entries", "Entries in the token cache.").WithLabelValues(),

		strippedExact:   stripped.WithLabelValues("exact"),
		strippedAlias:   stripped.WithLabelValues("alias"),
		strippedTrailer: stripped.WithLabelValues("trailer"),
		inFlight:        f.gauge("in_flight_requests", "Requests being served.").WithLabelValues(),

		reloadSuccessful: f.gauge("config_last_reload_successful", "1 if the last configuration was taken, else 0.").WithLabelValues(),
		reloadTime:       f.gauge("config_last_reload_success_timestamp_seconds", "Unix time at which a configuration was last taken.").WithLabelValues(),
		reloadsSucceeded: reloads.WithLabelValues(success),
		reloadsFailed:    reloads.WithLabelValues(failure),

		reporting:   newReporting(f),
		logDropped:  f.counter("log_dropped_total", "Lines dropped from the log because it was not read.").WithLabelValues(),
		tlsNotAfter: f.gauge("tls_not_after_timestamp_seconds", "Unix time at which the certificate of the listener for clients ends."),

		streamsClosed: f.counter("streams_closed_total", "Websockets and event streams that have ended.", "reason"),
	}
}

// The values of a result label.
const (
	success = "success"
	failure = "failure"
)

// CacheHit counts a verified token that the token cache held.
func (r *Registry) CacheHit() { r.cacheHits.Inc() }

// CacheMiss counts a token that the token cache did not hold.
func (r *Registry) CacheMiss() { r.cacheMisses.Inc() }

// CacheEvicted counts n entries that the token cache dropped to make room.
func (r *Registry) CacheEvicted(n int) { r.cacheEvictions.Add(float64(n)) }

// CacheEntries says how many entries the token cache holds now.
func (r *Registry) CacheEntries(n int) { r.cacheEntries.Set(float64(n)) }

// Stripped counts the headers that one request sent under reserved names:
// the name itself, an alias of it, or either in the trailer.
func (r *Registry) Stripped(exact, alias, trailer int) {
	// Most requests send none: leave the counters' cache lines alone.
	if exact > 0 {
		r.strippedExact.Add(float64(exact))
	}
	if alias > 0 {
		r.strippedAlias.Add(float64(alias))
	}
	if trailer > 0 {
		r.strippedTrailer.Add(float64(trailer))
	}
}

// InFlight adds delta to the number of requests being served.
func (r *Registry) InFlight(delta int) { r.inFlight.Add(float64(delta)) }

// LogDropped counts lines that were dropped from the log.
func (r *Registry) LogDropped(lines int) { r.logDropped.Add(float64(lines)) }

// Reloaded says that a configuration was taken (ok) or refused at a time. The
// load at start is the first.
func (r *Registry) Reloaded(ok bool, at time.Time) {
	if !ok {
		r.reloadSuccessful.Set(0)
		r.reloadsFailed.Inc()
		return
	}
	r.reloadSuccessful.Set(1)
	r.reloadTime.Set(unixSeconds(at))
	r.reloadsSucceeded.Inc()
}

// TLSNotAfter says when the certificate of the listener for clients ends.
func (r *Registry) TLSNotAfter(end time.Time) { r.tlsNotAfter.WithLabelValues().Set(unixSeconds(end)) }

// unixSeconds goes by milliseconds: the nanoseconds of a time.Time overflow in
// the year 2262, and a secret may end in 9999.
func unixSeconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1e3 }
