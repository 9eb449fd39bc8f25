package main

import (
	"postern/authn"
	"postern/config"
)

// inquirer returns an authenticator that asks a service: the one before where it
// is the same, and otherwise a new one.
func (w *workshop) inquirer(name string, g, old *generation) authn.Inquirer {
	i := newInquirer(name, g.config, g.cache, &w.revocations)
	if before := old.inquirers[name]; before != nil && before.Same(i) {
		i = before
	}
	g.inquirers[name] = i
	return i
}

// newInquirer returns the authenticator of a name, which asks a service.
func newInquirer(name string, c *config.Config, cache *authn.Cache, list *authn.Revocations) (i authn.Inquirer) {
	a, tokenBytes := c.Authenticators[name], int(c.Limits.TokenBytes)
	if a.Profile != nil {
		i = authn.NewProfile(name, a.Profile, cache, tokenBytes)
	} else {
		i = authn.NewIntrospection(name, a.Introspection, c.ClientSecrets[name], cache, tokenBytes)
	}
	i.Heed(list)
	return i
}

// retireInquirers closes the connections of those of old that g has not taken over.
func retireInquirers(old, g *generation) {
	for name, i := range old.inquirers {
		if g.inquirers[name] != i {
			i.Retire()
		}
	}
}
