package config

import (
	"slices"

	"postern/authn"
	"postern/policy"
)

// checkIdle reports what a route says to no effect.
func (c *Config) checkIdle(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	if r.ForwardCredential != nil && isPublic(r) {
		problems.Addf(at.At("forward_credential"), "says nothing on a public route, where no credential is verified: pass_authorization: true leaves it to the backend")
	}
	if _, known := c.alternatives(r); known && r.Body == policy.FormBody && !c.readsBody(r) && !c.undecodedBelow(at.At("consistency")) {
		problems.Addf(at.At("body"), "says nothing: no rule and no authenticator of this route reads the body")
	}
}

// isPublic reports whether a route wants no credential.
func isPublic(r *policy.RouteSettings) bool {
	return len(r.Authenticate) == 1 && slices.Equal(r.Authenticate[0], []string{authn.AnonymousName})
}

// readsBody reports whether a rule or an authenticator of a route reads the body.
func (c *Config) readsBody(r *policy.RouteSettings) bool {
	return slices.ContainsFunc(r.Consistency, func(rule policy.RuleSettings) bool { return rule.Request.Source == policy.Body }) ||
		slices.ContainsFunc(profilesOf(r), func(name string) bool { return c.bodyPaths(name) != nil }) ||
		slices.ContainsFunc(r.Authenticate, func(group policy.OneOrMore[string]) bool {
			return c.signs(group) || slices.ContainsFunc(group, func(name string) bool { return c.bodyPaths(name) != nil })
		})
}
