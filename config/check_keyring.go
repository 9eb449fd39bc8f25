package config

import (
	"fmt"
	"slices"

	"postern/policy"
)

// checkTenants holds a route to the key rings of its authenticators: a customer of
// one tenant must not reach another tenant's part of the backend. A token is held
// to the tenant that the request names where that one selects the secret, and
// where it is selected by a claim only by a rule. Such a rule may let a request
// pass that names no tenant: of some, such as a sign-in, only the token does.
func (c *Config) checkTenants(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	for _, group := range r.Authenticate {
		can, known := c.groupCapability(group)
		if name := c.claimsTenant(group); known && name != "" && !comparesTenant(r, can, false) {
			problems.Addf(at, "nothing holds the request to the tenant of its token: %s selects it by neither path nor query, and no rule that always applies has identity: tenant", name)
		}
	}
}

// warnTenants says where a request may leave out the tenant that nothing but a rule
// holds it to.
func (c *Config) warnTenants(route string, r *policy.RouteSettings) (list []string) {
	for _, group := range r.Authenticate {
		can, _ := c.groupCapability(group)
		if name := c.claimsTenant(group); name != "" && !comparesTenant(r, can, true) {
			list = append(list, fmt.Sprintf("routes.%s: a request that names no tenant is let through with that of its token: no required rule compares the tenant of %s", route, name))
		}
	}
	return list
}

// claimsTenant returns the member of a group whose token says, and nothing else of
// the request, of which tenant it is; "" for none.
func (c *Config) claimsTenant(group []string) string {
	for _, name := range group {
		if a := c.Authenticators[name].JWT; a != nil && a.Keys.IsKeyring() && a.Reads() == nil {
			return name
		}
	}
	return ""
}

// comparesTenant reports whether a route has a rule on the tenant for each level
// that an alternative can have, a required one where that is asked for.
func comparesTenant(r *policy.RouteSettings, can capability, required bool) bool {
	for level := can.lowest; level <= can.highest; level++ {
		if !slices.ContainsFunc(r.Consistency, func(rule policy.RuleSettings) bool {
			return rule.Identity.Source == policy.Tenant && (rule.Required || !required) &&
				(rule.When == nil || slices.Contains(rule.When, level))
		}) {
			return false
		}
	}
	return true
}
