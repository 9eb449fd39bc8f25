package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// checkAssertion holds the identity assertion to the rest: nothing else may stand
// in its header.
func (c *Config) checkAssertion(at policy.Path, problems *policy.Problems) {
	s := c.IdentityAssertion
	s.Check(at, problems)
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		if s == nil && c.Upstreams[name].Audience != "" {
			problems.Addf(policy.Path{"upstreams", name, "audience"}, "says nothing without identity_assertion")
		}
	}
	if s == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
		if slices.ContainsFunc(c.carriers(name), func(carrier authn.Carrier) bool { return strings.EqualFold(carrier.Header, s.Header) }) {
			problems.Addf(at.At("header"), "%s reads its credential there", name)
		}
	}
	claimed := func(place policy.Path, headers map[string]*policy.Template) {
		for name := range headers {
			if strings.EqualFold(name, s.Header) {
				problems.Addf(place.At(name), "is the header of identity_assertion")
			}
		}
	}
	claimed(policy.Path{"identity_headers"}, c.IdentityHeaders)
	for i := range c.RouteList {
		claimed(policy.Path{"routes", i, "identity_headers"}, c.RouteList[i].IdentityHeaders)
	}
}

// warnAudiences says where one upstream could show another the assertions that it
// was sent.
func (c *Config) warnAudiences() (list []string) {
	if c.IdentityAssertion == nil {
		return nil
	}
	first := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		audience := c.audience(name)
		if other, taken := first[audience]; taken {
			list = append(list, fmt.Sprintf("upstreams.%s: its audience, %q, is that of %s too: an assertion for one is good for the other", name, audience, other))
			continue
		}
		first[audience] = name
	}
	return list
}

// audience returns what assertions call an upstream.
func (c *Config) audience(upstream string) string {
	return cmp.Or(c.Upstreams[upstream].Audience, upstream)
}
