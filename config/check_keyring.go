package config

import (
	"slices"

	"postern/authn"
	"postern/policy"
)

// checkTenants holds a route to the key rings of its authenticators: a customer of
// one tenant must not reach another tenant's part of the backend. A token is held
// to the tenant that the request names where that one selects the secret, and
// where it is selected by a claim only by a rule. Such a rule may let a request
// pass that names no tenant: of some, such as a sign-in, only the token does.
func (c *Config) checkTenants(at policy.Path, r *policy.RouteSettings, names []string, problems *policy.Problems) {
	for _, name := range names {
		a := c.Authenticators[name].JWT
		if a == nil || !a.Keys.IsKeyring() || a.Reads() != nil {
			continue
		}
		bound := slices.ContainsFunc(r.Consistency, func(rule policy.RuleSettings) bool {
			return rule.Identity.Source == policy.Tenant && appliesToAll(rule.When, levels(a))
		})
		if !bound {
			problems.Addf(at, "nothing holds the request to the tenant of its token: %s selects it by neither path nor query, and no rule that always applies has identity: tenant", name)
		}
	}
}

// appliesToAll reports whether a rule that is limited to some levels holds
// identities of all the others.
func appliesToAll(when, levels []policy.Level) bool {
	return when == nil || !slices.ContainsFunc(levels, func(l policy.Level) bool { return !slices.Contains(when, l) })
}

// levels returns those that the tokens' identities can have.
func levels(s *authn.JWTSettings) (levels []policy.Level) {
	if s.CustomerID.IsZero() || s.CustomerIDOptional {
		levels = append(levels, policy.Application)
	}
	if !s.CustomerID.IsZero() {
		levels = append(levels, policy.Customer)
	}
	return levels
}
