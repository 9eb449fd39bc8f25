package main

import (
	"context"

	"postern/authn"
	"postern/keys"
	"postern/proxy"
)

// keepKeys puts the local keys of old in the place of those of g that are equal to
// them, so that what they have verified stands and only one copy is held.
func (w *workshop) keepKeys(g, old *generation) {
	for name, set := range g.config.StaticKeys {
		if before := old.config.StaticKeys[name]; before != nil && before.Equal(set) {
			g.config.StaticKeys[name] = before
		} else {
			set.Observed(name, w.metrics)
		}
	}
	for name, r := range g.config.Rings {
		if before := old.config.Rings[name]; before != nil && before.Equal(r) {
			g.config.Rings[name] = before
		}
	}
}

// keys returns the keys of the tokens of an authenticator. A remote source is the
// one before where it is the same, and otherwise a new one.
func (w *workshop) keys(name string, g, old *generation) authn.KeySet {
	if r := g.config.Rings[name]; r != nil {
		return r
	}
	settings, isRemote := g.config.Remotes[name]
	if !isRemote {
		return g.config.StaticKeys[name]
	}
	before := old.remotes[name]
	if before != nil && before.Settings() == settings {
		g.remotes[name] = before
		return before
	}
	r := keys.NewRemote(name, settings, w.metrics, w.log)
	if before != nil && before.Settings().Location == settings.Location {
		r.Adopt(before)
	}
	r.Start()
	g.remotes[name] = r
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

// inheritKeys takes over the local keys of old that stay, and ends the others. It
// is the last step before g serves: nothing reads the keys of g yet, and nothing
// can keep it from taking over.
func (g *generation) inheritKeys(old *generation) {
	for name, set := range g.config.StaticKeys {
		if before := old.config.StaticKeys[name]; before != nil && before != set {
			set.Inherit(before)
		}
	}
	for name, r := range g.config.Rings {
		if before := old.config.Rings[name]; before != nil && before != r {
			r.Inherit(before)
		}
	}
}
