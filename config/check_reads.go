package config

import (
	"slices"

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
			if r.Body == "form" && !path.IsMember() {
				problems.Addf(place, "%s reads body.%s, but a form has no members inside others", name, path)
			} else if _, err := plan.Add(path); r.Body != "form" && err != nil {
				problems.Addf(place, "%s reads body.%v", name, err)
			}
		}
		for _, ref := range c.reads(name) {
			for i := range r.Match {
				if p := &r.Match[i]; ref.Source == policy.PathValue && p.String() != "" && !p.HasWildcard(ref.Name) {
					problems.Addf(place, "%s reads %s, but the pattern %q has no wildcard {%s}", name, ref, p.String(), ref.Name)
				}
			}
		}
	}
	if most := c.Limits.InFlightBodyBytes / 2; r.BodyLimit > most && (!plan.Empty() || c.signs(names)) {
		problems.Addf(at.At("body_limit"), "%d bytes are more than half of limits.in_flight_body_bytes: such a body has no room beside what it is decoded to", r.BodyLimit)
	}
}

// signs reports whether one of the authenticators reads the body as it came.
func (c *Config) signs(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return c.Authenticators[name].Signature != nil })
}

// reads returns what an authenticator reads beside its carriers.
func (c *Config) reads(name string) []policy.Reference {
	switch a := c.Authenticators[name]; {
	case a.JWT != nil:
		return a.JWT.Reads()
	case a.Signature != nil:
		return a.Signature.Reads()
	case a.Profile != nil:
		return a.Profile.Reads()
	}
	return nil
}

// bodyPaths returns what an authenticator reads of a JSON body or a form.
func (c *Config) bodyPaths(name string) (paths []policy.ClaimPath) {
	own, _ := c.carriers(name)
	for _, carrier := range own {
		if path, err := policy.ParseClaimPath(carrier.Body); err == nil {
			paths = append(paths, path)
		}
	}
	for _, ref := range c.reads(name) {
		if ref.Source == policy.Body {
			paths = append(paths, ref.Path)
		}
	}
	return paths
}
