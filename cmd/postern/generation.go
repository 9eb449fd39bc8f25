package main

import (
	"context"
	"log/slog"
	"time"

	"postern/authn"
	"postern/config"
	"postern/gate"
	"postern/keys"
	"postern/metrics"
	"postern/proxy"
)

// generation is everything that one configuration has running. What did not
// change is shared with the generation before it.
type generation struct {
	config    *config.Config
	cache     *authn.Cache
	upstreams map[string]*proxy.Upstream
	remotes   map[string]*keys.Remote // by authenticator
	static    map[string]*keys.Static // by authenticator
	rings     map[string]*keys.Ring   // by authenticator
	jwts      map[string]*authn.JWT
	inquirers map[string]authn.Inquirer
	failures  *proxy.Failures // nil without abuse control
	state     *proxy.State
}

// workshop holds what outlives generations.
type workshop struct {
	metrics *metrics.Registry
	log     *slog.Logger
	// revocations is the list in force: what one generation verified and another
	// one still has heeds it, too.
	revocations authn.Revocations
}

// build makes a generation that is ready to serve: its new key sources run and
// have tried a first fetch, or ctx has ended. old is nil at start.
func (w *workshop) build(ctx context.Context, c *config.Config, old *generation) *generation {
	if old == nil {
		old = &generation{config: &config.Config{}}
	}
	g := &generation{
		config:    c,
		upstreams: map[string]*proxy.Upstream{},
		remotes:   map[string]*keys.Remote{},
		static:    map[string]*keys.Static{},
		rings:     map[string]*keys.Ring{},
		jwts:      map[string]*authn.JWT{},
		inquirers: map[string]authn.Inquirer{},
	}
	if g.cache = old.cache; g.cache == nil || c.Cache != old.config.Cache {
		g.cache = authn.NewCache(c.Cache, w.metrics)
	}
	g.failures = old.failures.Under(c.Abuse)
	for name, settings := range c.Upstreams {
		g.upstreams[name] = proxy.NewUpstream(name, settings, w.metrics, w.log)
		if before := old.upstreams[name]; before != nil && before.Same(g.upstreams[name]) {
			g.upstreams[name] = before
		}
	}
	authenticators := w.authenticators(g, old)
	g.awaitKeys(ctx, old)
	g.state = proxy.NewState(proxy.StateSettings{
		Gate: gate.New(gate.Settings{
			Routes:          c.Routes,
			Matcher:         c.Matcher,
			Authenticators:  authenticators,
			TokenBytes:      int(c.Limits.TokenBytes),
			IdentityHeaders: c.IdentityHeaderNames(),
			Denials:         c.Formats,
			CORS:            c.CrossOrigin,
		}),
		Routes:      c.Routes,
		Upstreams:   g.upstreams,
		Trusted:     c.Server.TrustedProxies,
		BodyTimeout: c.Server.BodyTimeout.Std(),
		BodyBytes:   int64(c.Limits.InFlightBodyBytes),
		FullPath:    c.Log.Path == "full",
		Failures:    g.failures,
		Metrics:     w.metrics,
	})
	g.inherit(old)
	w.revocations.Replace(c.Revoked)
	return g
}

// authenticators makes those of a generation, with their keys.
func (w *workshop) authenticators(g, old *generation) map[string]authn.Authenticator {
	all := map[string]authn.Authenticator{}
	for name, a := range g.config.Authenticators {
		switch {
		case a.Token != nil:
			all[name] = g.config.Tokens[name]
			all[name].Heed(&w.revocations)
		case a.Signature != nil:
			all[name] = authn.NewSignature(name, a.Signature, w.staticKeys(name, g, old))
			all[name].Heed(&w.revocations)
		case a.Introspection != nil || a.Profile != nil:
			all[name] = w.inquirer(name, a, g, old)
		default:
			j := w.newJWT(name, a.JWT, g, old)
			j.Heed(&w.revocations)
			if before := old.jwts[name]; before != nil && before.Same(j) {
				j = before
			}
			g.jwts[name], all[name] = j, j
		}
	}
	return all
}

func (w *workshop) newJWT(name string, s *authn.JWTSettings, g, old *generation) *authn.JWT {
	tokenBytes := int(g.config.Limits.TokenBytes)
	if s.Keys.IsKeyring() {
		return authn.NewKeyringJWT(name, s, ring(name, g, old), g.cache, tokenBytes)
	}
	return authn.NewJWT(name, s, w.keys(name, s, g, old), g.cache, tokenBytes)
}

// keys returns the key set of an authenticator: the one before where it is the
// same, and otherwise a new one.
func (w *workshop) keys(name string, s *authn.JWTSettings, g, old *generation) authn.KeySet {
	if settings, isRemote := g.config.Remotes[name]; isRemote {
		r := old.remotes[name]
		if r == nil || r.Settings() != settings {
			before := r
			r = keys.NewRemote(name, settings, w.metrics, w.log)
			if before != nil && before.Settings().Location == settings.Location {
				r.Adopt(before)
			}
			r.Start()
		}
		g.remotes[name] = r
		return r
	}
	return w.staticKeys(name, g, old)
}

// staticKeys returns the keys of an authenticator that are not fetched.
func (w *workshop) staticKeys(name string, g, old *generation) *keys.Static {
	set := g.config.StaticKeys[name]
	switch before := old.static[name]; {
	case before != nil && before.Equal(set):
		set = before
	case before != nil:
		set.Adopt(before)
		fallthrough
	default:
		set.Observed(name, w.metrics)
	}
	g.static[name] = set
	return set
}

// ring returns the key ring of an authenticator.
func ring(name string, g, old *generation) *keys.Ring {
	r := g.config.Rings[name]
	if before := old.rings[name]; before != nil && before.Equal(r) {
		r = before
	}
	g.rings[name] = r
	return r
}

// awaitKeys waits until each new key source has tried to fetch its keys, so
// that a reload does not refuse customers meanwhile. A source that cannot be
// reached does not hold up the rest: its routes answer 503.
func (g *generation) awaitKeys(ctx context.Context, old *generation) {
	for name, r := range g.remotes {
		if r != old.remotes[name] {
			_ = r.WaitFirst(ctx)
		}
	}
}

// sources lists the remote key sources, for readiness.
func (g *generation) sources() []proxy.KeySource {
	list := make([]proxy.KeySource, 0, len(g.remotes))
	for _, r := range g.remotes {
		list = append(list, r)
	}
	return list
}

// inherit takes over the keys of old that stay, and ends the others. It is the
// last step before g serves: nothing reads the keys of g yet, and nothing can keep
// it from taking over.
func (g *generation) inherit(old *generation) {
	for name, set := range g.static {
		if before := old.static[name]; before != nil && before != set {
			set.Supersede(before)
		}
	}
	for name, r := range g.rings {
		if before := old.rings[name]; before != nil && before != r {
			r.Inherit(before)
		}
	}
}

// replace ends what of old the generation g no longer uses, once g serves.
func (w *workshop) replace(old, g *generation) {
	for name, r := range old.remotes {
		if g.remotes[name] != r {
			r.Stop()
		}
	}
	retireInquirers(old, g)
	for name, u := range old.upstreams {
		if g.upstreams[name] != u {
			u.Retire()
		}
	}
	w.forget(g)
}

// forget deletes the metrics of what g no longer has.
func (w *workshop) forget(g *generation) {
	routes, upstreams, authenticators, sources := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range g.config.Routes {
		routes[r.Name] = true
	}
	for name := range g.config.Upstreams {
		upstreams[name] = true
	}
	for name, a := range g.config.Authenticators {
		authenticators[name] = true
		w.metrics.ForgetSecrets(name, secretEnds(a, func(string, time.Time) {}))
	}
	for name := range g.remotes {
		sources[name] = true
	}
	for name := range g.static {
		sources[name] = true
	}
	for name := range g.rings {
		sources[name] = true
	}
	w.metrics.ForgetSources(sources)
	w.metrics.ForgetRoutes(routes)
	w.metrics.ForgetUpstreams(upstreams)
	w.metrics.ForgetAuthenticators(authenticators)
}

// publish sets the gauges that follow from a configuration alone.
func (w *workshop) publish(g *generation) {
	for name, a := range g.config.Authenticators {
		secretEnds(a, func(id string, end time.Time) { w.metrics.SecretNotAfter(name, id, end) })
	}
	for name, set := range g.static {
		w.metrics.KeysLoaded(name, set.Len())
	}
	for name, r := range g.rings {
		w.metrics.KeysLoaded(name, r.Len())
	}
	w.metrics.Reporting(g.config.Routes)
}

// secretEnds calls each with every configured secret or static token and its
// end, the zero time for none, and returns the set of their ids.
func secretEnds(a config.Authenticator, each func(id string, end time.Time)) map[string]bool {
	ids := map[string]bool{}
	switch {
	case a.Token != nil:
		for _, t := range a.Token.List() {
			ids[t.ID] = true
			each(t.ID, t.NotAfter)
		}
	case a.JWT != nil:
		for _, s := range a.JWT.Keys.Secrets {
			ids[s.ID] = true
			each(s.ID, s.NotAfter)
		}
	case a.Signature != nil:
		for _, s := range a.Signature.Secrets {
			ids[s.ID] = true
			each(s.ID, s.NotAfter)
		}
	}
	return ids
}

// stop ends everything that runs in the background.
func (g *generation) stop() {
	for _, r := range g.remotes {
		r.Stop()
	}
	for _, u := range g.upstreams {
		u.Retire()
	}
	retireInquirers(g, &generation{})
}
