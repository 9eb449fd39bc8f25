package main

import (
	"postern/authn"
	"postern/config"
)

// inquirer returns an authenticator that asks a service: the one before where it
// is the same, and otherwise a new one.
func (w *workshop) inquirer(name string, a config.Authenticator, g, old *generation) authn.Inquirer {
	var i authn.Inquirer
	tokenBytes := int(g.config.Limits.TokenBytes)
	if a.Profile != nil {
		i = authn.NewProfile(name, a.Profile, g.cache, tokenBytes)
	} else {
		i = authn.NewIntrospection(name, a.Introspection, g.config.ClientSecrets[name], g.cache, tokenBytes)
	}
	i.Heed(&w.revocations)
	if before := old.inquirers[name]; before != nil && before.Same(i) {
		i = before
	}
	g.inquirers[name] = i
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
