package main

import (
	"maps"
	"time"

	"postern/config"
)

// publish sets the gauges that follow from a configuration alone.
func (w *workshop) publish(g *generation) {
	for name, a := range g.config.Authenticators {
		for id, end := range secretEnds(a) {
			w.metrics.SecretNotAfter(name, id, end)
		}
	}
	for name, set := range g.config.StaticKeys {
		w.metrics.KeysLoaded(name, set.Len())
	}
	for name, r := range g.config.Rings {
		w.metrics.KeysLoaded(name, r.Len())
	}
	if c := g.config.ServerTLS; c != nil {
		w.metrics.TLSNotAfter(c.Certificates[0].Leaf.NotAfter)
	}
	w.metrics.Reporting(g.config.Routes)
}

// forget deletes the metrics of what g no longer has.
func (w *workshop) forget(g *generation) {
	sources := names(g.remotes)
	maps.Copy(sources, names(g.config.StaticKeys))
	maps.Copy(sources, names(g.config.Rings))
	routes := map[string]bool{}
	for _, r := range g.config.Routes {
		routes[r.Name] = true
	}
	for name, a := range g.config.Authenticators {
		w.metrics.ForgetSecrets(name, names(secretEnds(a)))
	}
	w.metrics.ForgetSources(sources)
	w.metrics.ForgetRoutes(routes)
	w.metrics.ForgetUpstreams(names(g.config.Upstreams))
	w.metrics.ForgetAuthenticators(names(g.config.Authenticators))
}

// secretEnds returns the ends of what an authenticator lists, by id; the zero time
// is none.
func secretEnds(a config.Authenticator) map[string]time.Time {
	ends := map[string]time.Time{}
	for _, s := range a.Settings().Listed() {
		ends[s.ID] = s.NotAfter
	}
	return ends
}

// names returns the keys of a map as a set.
func names[V any](of map[string]V) map[string]bool {
	set := make(map[string]bool, len(of))
	for name := range of {
		set[name] = true
	}
	return set
}
