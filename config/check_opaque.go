package config

import (
	"iter"
	"maps"
	"slices"

	"postern/policy"
)

// checkOpaqueIDs: without its key nobody has an opaque id, and a header with one
// would never be sent.
func (c *Config) checkOpaqueIDs(problems *policy.Problems) {
	if c.OpaqueID != nil {
		return
	}
	for t := range c.told() {
		if t.ref.Source == policy.OpaqueID {
			problems.Addf(t.at, "%s is made with a key, and the file has none: opaque_id: { key: … }", t.ref)
		}
	}
}

// telling is a reference by which a part of the identity leaves Postern, or is
// sought in what a client sends.
type telling struct {
	at    policy.Path
	route *policy.RouteSettings // nil for a header of every route
	ref   policy.Reference
}

// told yields the references of identity headers and of rules.
func (c *Config) told() iter.Seq[telling] {
	return func(yield func(telling) bool) {
		headers := func(at policy.Path, r *policy.RouteSettings, templates map[string]*policy.Template) bool {
			for _, name := range slices.Sorted(maps.Keys(templates)) {
				if templates[name] == nil {
					continue
				}
				for _, ref := range templates[name].References() {
					if !yield(telling{at.At(name), r, ref}) {
						return false
					}
				}
			}
			return true
		}
		if !headers(policy.Path{"identity_headers"}, nil, c.IdentityHeaders) {
			return
		}
		for i := range c.RouteList {
			r, at := &c.RouteList[i], policy.Path{"routes", i}
			if !headers(at.At("identity_headers"), r, r.IdentityHeaders) {
				return
			}
			for k, rule := range r.Consistency {
				if !yield(telling{at.At("consistency", k, "identity"), r, rule.Identity}) {
					return
				}
			}
		}
	}
}
