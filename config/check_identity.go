package config

import (
	"slices"
	"strings"

	"postern/policy"
)

// checkIdentityReferences holds a route to what its authenticators can give: a
// rule on anything else would refuse every request, or none, and a header would
// never be sent.
func (c *Config) checkIdentityReferences(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	alternatives, known := c.alternatives(r)
	if !known {
		return // reported already
	}
	var route capability
	for _, can := range alternatives {
		route.add(can)
	}
	for i, rule := range r.Consistency {
		place := at.At("consistency", i)
		if !c.undecodedBelow(place.At("when")) {
			checkWhen(place.At("when"), rule.When, alternatives, problems)
		}
		source := rule.Identity.Source
		if (source == policy.CustomerID || source == policy.OpaqueID) && (!rule.Required || len(rule.When) > 0) {
			continue // it says that a request may name nobody
		}
		if what := route.lacks(rule.Identity); what != "" {
			problems.Addf(place.At("identity"), "no authenticator of this route has %s", what)
		}
	}
	checkTemplates(at.At("identity_headers"), r.IdentityHeaders, route, "route", problems)
	checkRequirement(at.At("require"), &r.Require, alternatives, problems)
}

// checkGlobalTemplates holds the identity headers of all routes to what any
// authenticator of the file can give.
func (c *Config) checkGlobalTemplates(problems *policy.Problems) {
	var file capability
	for name := range c.Authenticators {
		can, known := c.capabilities[name]
		if !known {
			return
		}
		file.add(can)
	}
	checkTemplates(policy.Path{"identity_headers"}, c.IdentityHeaders, file, "file", problems)
}

// checkTemplates reports names of attributes that no authenticator of a scope,
// route or file, has. Any other part of an identity may be named where nobody has
// it: the name of the header is kept from clients all the same.
func checkTemplates(at policy.Path, templates map[string]*policy.Template, can capability, scope string, problems *policy.Problems) {
	for name, template := range templates {
		if template == nil {
			continue
		}
		for _, ref := range template.References() {
			if what := can.lacks(ref); what != "" && ref.Source == policy.Attribute {
				problems.Addf(at.At(name), "would never be sent: no authenticator of this %s has %s", scope, what)
			}
		}
	}
}

// checkWhen reports levels that no identity has: the rule would be off.
func checkWhen(at policy.Path, when []policy.Level, alternatives []capability, problems *policy.Problems) {
	var names []string
	for _, level := range when {
		if slices.ContainsFunc(alternatives, func(can capability) bool { return can.lowest <= level && level <= can.highest }) {
			return
		}
		names = append(names, level.String())
	}
	if names != nil {
		problems.Addf(at, "the rule would never apply: no alternative of this route has the level %s", strings.Join(names, " or "))
	}
}

// checkRequirement reports what is asked of the identity and no alternative has.
func checkRequirement(at policy.Path, s *policy.RequirementSettings, alternatives []capability, problems *policy.Problems) {
	reaches := func(can capability) bool { return can.highest >= s.Level }
	claims := func(can capability) bool { return can.claims }
	both := func(can capability) bool { return reaches(can) && claims(can) }
	level, claimed := slices.ContainsFunc(alternatives, reaches), slices.ContainsFunc(alternatives, claims)
	if !level {
		problems.Addf(at.At("level"), "no alternative of this route has the level %s: every request would be refused", s.Level)
	}
	if !claimed && len(s.Claims) > 0 {
		problems.Addf(at.At("claims"), "no alternative of this route has claims: every request would be refused")
	}
	if !claimed && len(s.Scopes) > 0 {
		problems.Addf(at.At("scopes"), "no alternative of this route has claims: every request would be refused")
	}
	if level && claimed && len(s.Claims)+len(s.Scopes) > 0 && !slices.ContainsFunc(alternatives, both) {
		problems.Addf(at, "no alternative of this route has both the level %s and claims: every request would be refused", s.Level)
	}
}
