package main

import (
	"errors"
	"log/slog"
	"net/http"

	"postern/authn"
	"postern/config"
	"postern/gate"
	"postern/keys"
	"postern/metrics"
	"postern/proxy"
)

// offline is what stands in the place of the network, so that a command decides as
// serve would without a listener, a connection or anything in the background.
type offline struct {
	// keys take the place of the configured ones, by authenticator of type jwt. A
	// remote source that is not among them has no keys.
	keys map[string]authn.KeySet
	// services answer in the place of the ones that are asked, by authenticator of
	// type introspection or profile. One that is not among them cannot be reached.
	services map[string]http.RoundTripper
	// instead returns what stands in the place of an authenticator, or that itself;
	// nil for all themselves.
	instead func(name string, a authn.Authenticator) authn.Authenticator
}

// newGate returns the gate of a configuration, which heeds its revocations. The
// clock is that of each request.
func (o *offline) newGate(c *config.Config) *gate.Gate { return newGate(c, o.authenticators(c)) }

// authenticators returns those of a configuration.
func (o *offline) authenticators(c *config.Config) map[string]authn.Authenticator {
	b := thisBuild()
	cache := authn.NewCache(c.Cache, metrics.New(b.version, b.goVersion))
	list := &authn.Revocations{}
	list.Replace(c.Revoked)
	all := newAuthenticators(c, list, func(name string) authn.Authenticator {
		a := c.Authenticators[name].JWT
		if a == nil {
			i := newInquirer(name, c, cache, list)
			i.Through(o.service(name))
			return i
		}
		j := authn.NewJWT(name, a, o.keySet(name, c), cache, int(c.Limits.TokenBytes))
		j.Heed(list)
		return j
	})
	for name, a := range all {
		if o.instead != nil {
			all[name] = o.instead(name, a)
		}
	}
	return all
}

// newHandler returns a handler that serves as serve would, but for abuse control,
// and sends what it lets through to one transport in the place of all upstreams.
func (o *offline) newHandler(c *config.Config, upstream http.RoundTripper, log *slog.Logger) *proxy.Handler {
	b := thisBuild()
	registry := metrics.New(b.version, b.goVersion)
	upstreams := map[string]*proxy.Upstream{}
	for name, settings := range c.Upstreams {
		upstreams[name] = proxy.NewUpstream(name, settings, registry, log)
		upstreams[name].Through(upstream)
	}
	return proxy.NewHandler(newState(c, o.newGate(c), upstreams, nil, registry), registry, log)
}

func (o *offline) service(name string) http.RoundTripper {
	if s := o.services[name]; s != nil {
		return s
	}
	return unreachable{}
}

func (o *offline) keySet(name string, c *config.Config) authn.KeySet {
	if set := o.keys[name]; set != nil {
		return set
	}
	if ring := c.Rings[name]; ring != nil {
		return ring
	}
	if set := c.StaticKeys[name]; set != nil {
		return set
	}
	return &keys.Offline{}
}

// unreachable is the transport of a service that is not asked.
type unreachable struct{}

// RoundTrip implements http.RoundTripper.
func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nothing goes over the network")
}
