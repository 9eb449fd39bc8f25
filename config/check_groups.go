package config

import (
	"maps"
	"slices"

	"postern/policy"
)

// checkReachable reports an alternative that is never chosen. The first one of
// which a request carries any member decides: where one before it has a member in
// common, a request that carries all of the later one is for the earlier.
func checkReachable(at policy.Path, before []policy.OneOrMore[string], group []string, problems *policy.Problems) {
	name := policy.GroupName(group)
	for _, earlier := range before {
		other := policy.GroupName(earlier)
		if name == other {
			problems.Addf(at, "%s stands twice", name)
			return
		}
		shared := slices.IndexFunc(group, func(member string) bool { return slices.Contains(earlier, member) })
		if shared >= 0 {
			problems.Addf(at, "%s is never chosen: where %s is carried, %s decides, which stands before it", name, group[shared], other)
			return
		}
	}
}

// checkMerge holds two members of a group to what one identity can be made of.
func (c *Config) checkMerge(at policy.Path, one, two string, problems *policy.Problems) {
	a, aKnown := c.capabilities[one]
	b, bKnown := c.capabilities[two]
	if !aKnown || !bKnown {
		return
	}
	if a.claims && b.claims && a.lowest < policy.Customer && b.lowest < policy.Customer {
		problems.Addf(at, "%s and %s both have claims and neither always names a customer, so that either's could count", one, two)
	}
	for _, name := range slices.Sorted(maps.Keys(a.attributes)) {
		if a.attributes[name] && b.attributes[name] {
			problems.Addf(at, "%s and %s always both have the attribute %s, so that every request would be refused", one, two, name)
		}
	}
}
