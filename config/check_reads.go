package config

import (
	"slices"

	"postern/authn"
	"postern/policy"
)

// checkReads holds what authenticators read of a request to what the requests of
// the route have: wildcards, and a body that all readers take for the same.
func (c *Config) checkReads(at policy.Path, r *policy.RouteSettings, names []string, problems *policy.Problems) {
	var plan policy.BodyPlan
	for _, rule := range r.Consistency {
		if rule.Request.Source == policy.Body {
			_, _ = plan.Add(rule.Request.Path) // policy.CheckRoutes reports its faults
		}
	}
	place := at.At("authenticate")
	for _, name := range append(names[:len(names):len(names)], profilesOf(r)...) {
		for _, path := range c.bodyPaths(name) {
			if r.Body == policy.FormBody && path.Member() == "" {
				problems.Addf(place, "%s reads body.%s, but a form has no members inside others", name, path)
			} else if _, err := plan.Add(path); r.Body != policy.FormBody && err != nil {
				problems.Addf(place, "%s reads body.%v", name, err)
			}
		}
		for _, ref := range c.settings(name).Reads() {
			for i := range r.Match {
				if p := &r.Match[i]; ref.Source == policy.PathValue && p.String() != "" && !p.HasWildcard(ref.Name) {
					problems.Addf(place, "%s reads %s, but the pattern %q has no wildcard {%s}", name, ref, p.String(), ref.Name)
				}
			}
		}
	}
	switch most := c.Limits.InFlightBodyBytes; {
	case plan.Empty() && !c.signs(names):
	case r.MaxBody() > most/4:
		problems.Addf(at.At("body_limit"), "%d bytes are more than a quarter of limits.in_flight_body_bytes: such a body has no room beside what it is decoded to", r.MaxBody())
	case r.MaxBody() > most/16 && c.readsUnverified(names):
		problems.Addf(at.At("body_limit"), "%d bytes are more than a sixteenth of limits.in_flight_body_bytes: bodies that are read before a credential is verified share a quarter of it", r.MaxBody())
	}
}

// readsUnverified reports whether a body may be read before it is known whom it
// is from.
func (c *Config) readsUnverified(names []string) bool {
	return c.signs(names) || slices.ContainsFunc(names, func(name string) bool {
		return name == authn.AnonymousName || c.bodyPaths(name) != nil
	})
}

// signs reports whether one of the authenticators reads the body as it came.
func (c *Config) signs(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return c.Authenticators[name].Signature != nil })
}

// bodyPaths returns what an authenticator reads of a JSON body or a form.
func (c *Config) bodyPaths(name string) (paths []policy.ClaimPath) {
	for _, carrier := range c.carriers(name) {
		if path, err := policy.ParseClaimPath(carrier.Body); err == nil {
			paths = append(paths, path)
		}
	}
	for _, ref := range c.settings(name).Reads() {
		if ref.Source == policy.Body {
			paths = append(paths, ref.Path)
		}
	}
	return paths
}
