package main

import (
	"context"
	"log/slog"

	"postern/authn"
	"postern/config"
	"postern/gate"
	"postern/keys"
	"postern/metrics"
	"postern/policy"
	"postern/proxy"
)

// generation is everything that one configuration has running. What did not
// change is shared with the generation before it.
type generation struct {
	config    *config.Config
	cache     *authn.Cache
	upstreams map[string]*proxy.Upstream
	remotes   map[string]*keys.Remote // by authenticator
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
	w.keepKeys(g, old)
	authenticators := w.authenticators(g, old)
	g.awaitKeys(ctx, old)
	g.state = newState(c, newGate(c, authenticators), g.upstreams, g.failures, w.metrics)
	g.inheritKeys(old)
	w.revocations.Replace(c.Revoked)
	return g
}

// authenticators makes those of a generation, with their keys.
func (w *workshop) authenticators(g, old *generation) map[string]authn.Authenticator {
	return newAuthenticators(g.config, &w.revocations, func(name string) authn.Authenticator {
		a := g.config.Authenticators[name].JWT
		if a == nil {
			return w.inquirer(name, g, old)
		}
		j := authn.NewJWT(name, a, w.keys(name, g, old), g.cache, int(g.config.Limits.TokenBytes))
		j.Heed(&w.revocations)
		if before := old.jwts[name]; before != nil && before.Same(j) {
			j = before
		}
		g.jwts[name] = j
		return j
	})
}

// newAuthenticators makes those of a configuration. The ones that may have
// something of their own running come from elsewhere, and heed the list already.
func newAuthenticators(
	c *config.Config, list *authn.Revocations, elsewhere func(name string) authn.Authenticator,
) map[string]authn.Authenticator {
	all := map[string]authn.Authenticator{}
	for name, a := range c.Authenticators {
		switch {
		case a.Token != nil:
			all[name] = c.Tokens[name]
			all[name].Heed(list)
		case a.Signature != nil:
			all[name] = authn.NewSignature(name, a.Signature, c.StaticKeys[name])
			all[name].Heed(list)
		case a.MTLS != nil:
			all[name] = authn.NewMTLS(name, a.MTLS, c.StaticKeys[name], c.ServerTLS.ClientCAs)
			all[name].Heed(list)
		default:
			all[name] = elsewhere(name)
		}
	}
	return all
}

// newState compiles what serves clients; failures is nil without abuse control.
func newState(
	c *config.Config, g *gate.Gate, upstreams map[string]*proxy.Upstream, failures *proxy.Failures, registry *metrics.Registry,
) *proxy.State {
	return proxy.NewState(proxy.StateSettings{
		Gate:        g,
		Routes:      c.Routes,
		Upstreams:   upstreams,
		Trusted:     c.Server.TrustedProxies,
		BodyTimeout: c.Server.BodyTimeout.Std(),
		BodyBytes:   int64(c.Limits.InFlightBodyBytes),
		Requests:    c.Limits.Connections,
		FullPath:    c.Log.Path == "full",
		Failures:    failures,
		TLS:         c.ServerTLS,
		JWKS:        c.Asserter.JWKS(),
		Metrics:     registry,
	})
}

// newGate compiles the policy of a configuration.
func newGate(c *config.Config, authenticators map[string]authn.Authenticator) *gate.Gate {
	return gate.New(gate.Settings{
		Routes:          c.Routes,
		Matcher:         c.Matcher,
		Authenticators:  authenticators,
		TokenBytes:      int(c.Limits.TokenBytes),
		IdentityHeaders: c.IdentityHeaderNames(),
		Asserter:        c.Asserter,
		Denials:         c.DenialFormats[policy.DefaultDenials],
		CORS:            c.CORSPolicy,
	})
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
