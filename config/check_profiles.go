package config

import (
	"maps"
	"slices"

	"postern/authn"
	"postern/policy"
)

// checkProfiles holds the rules on profiles to authenticators that can tell one,
// of a credential that another one has verified.
func (c *Config) checkProfiles(at policy.Path, r *policy.RouteSettings, names []string, problems *policy.Problems) {
	for i, rule := range r.Consistency {
		place := at.At("consistency", i, "with")
		switch a, known := c.Authenticators[rule.With]; {
		case rule.With == "":
		case !known:
			problems.Addf(place, "there is no authenticator %q%s", rule.With, suggest(rule.With, slices.Sorted(maps.Keys(c.Authenticators))))
		case a.Profile == nil:
			problems.Addf(place, "%s is no authenticator of type profile", rule.With)
		case !slices.ContainsFunc(names, func(name string) bool {
			return name != rule.With && name != authn.AnonymousName && c.Authenticators[name].MTLS == nil // it has nothing to show to an API
		}):
			problems.Addf(place, "no other authenticator of this route verifies a credential, so that the profile would be compared with itself")
		}
	}
}

// profilesOf returns the authenticators that the rules of a route ask, each once.
func profilesOf(r *policy.RouteSettings) (names []string) {
	for _, rule := range r.Consistency {
		if rule.With != "" && !slices.Contains(names, rule.With) {
			names = append(names, rule.With)
		}
	}
	return names
}
