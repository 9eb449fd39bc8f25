package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// check reports what is wrong with the values, and between the parts.
func (c *Config) check(problems *policy.Problems) {
	top := policy.Path{}
	c.Server.Check(top.At("server"), problems)
	c.Admin.Check(top.At("admin"), problems)
	c.Health.Check(top.At("health"), problems)
	c.ForwardAuth.Check(top.At("forward_auth"), problems)
	c.checkListeners(problems)
	c.Limits.Check(top.At("limits"), problems)
	c.Cache.Check(top.At("cache"), problems)
	c.checkAbuse(top.At("abuse"), problems)
	c.Strip.Check(top.At("strip"), problems)
	c.Streams.Check(top.At("streams"), problems)
	c.checkDrain(top.At("streams"), c.Streams, problems)
	c.CORS.Check(top.At("cors"), problems)
	c.checkDenials(top.At("denials"), problems)
	c.Revocations.Check(top.At("revocations"), problems)
	c.checkOpaqueIDs(problems)
	c.checkAssertion(top.At("identity_assertion"), problems)
	c.checkForwardAuth(top.At("forward_auth"), problems)
	for name, u := range c.Upstreams {
		checkName(top.At("upstreams", name), name, problems)
		u.Check(top.At("upstreams", name), problems)
	}
	for name, a := range c.Authenticators {
		at := top.At("authenticators", name)
		checkName(at, name, problems)
		if name == authn.AnonymousName {
			problems.Addf(at, "anonymous is built in")
		} else {
			a.Settings().Check(at, problems)
		}
		if a.MTLS != nil {
			c.checkClientCAs(at, problems)
		}
	}
	c.assess()
	c.checkGlobalTemplates(problems)
	if len(c.RouteList) == 0 {
		problems.Addf(top.At("routes"), "there is no route: every request would be refused")
	}
	c.checkIdentityHeaders(top.At("identity_headers"), c.IdentityHeaders, problems)
	policy.CheckRoutes(top.At("routes"), c.RouteList, c.IdentityHeaders, problems)
	for i := range c.RouteList {
		c.checkRoute(top.At("routes", i), &c.RouteList[i], problems)
	}
}

// plainName keeps names apart in a metric label, where those of a group are
// joined with a plus sign.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func checkName(at policy.Path, name string, problems *policy.Problems) {
	switch {
	case !plainName.MatchString(name):
		problems.Addf(at, "%q is no name: use up to 64 letters, digits, dots, hyphens and underscores", name)
	case name == policy.ReservedName:
		problems.Addf(at, "%s is reserved: it is the label of what has no name", name)
	}
}

// checkListeners: each address can be listened on once.
func (c *Config) checkListeners(problems *policy.Problems) {
	taken := map[string]policy.Path{}
	for _, l := range []struct{ section, address string }{
		{"server", c.Server.Listen}, {"admin", c.Admin.Listen}, {"health", c.Health.Listen}, {"forward_auth", c.ForwardAuth.Address()},
	} {
		at := policy.Path{l.section, "listen"}
		if other := taken[l.address]; other != nil {
			problems.List = append(problems.List, policy.Problem{Path: at, Other: other, Message: "the address is taken"})
		}
		if l.address != "" && !strings.HasSuffix(l.address, ":0") {
			taken[l.address] = at
		}
	}
}

// checkIdentityHeaders: what a client sends under the name of an identity
// header is removed, so that no credential could come there.
func (c *Config) checkIdentityHeaders(at policy.Path, headers map[string]*policy.Template, problems *policy.Problems) {
	for _, authenticator := range slices.Sorted(maps.Keys(c.Authenticators)) {
		for name := range headers {
			if slices.ContainsFunc(c.carriers(authenticator), func(carrier authn.Carrier) bool { return strings.EqualFold(carrier.Header, name) }) {
				problems.Addf(at.At(name), "%s reads its credential there", authenticator)
			}
		}
	}
}

// checkRoute holds a route to the upstreams and authenticators that it names.
func (c *Config) checkRoute(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	switch _, known := c.Upstreams[r.Upstream]; {
	case r.Upstream == "":
		problems.Addf(at, "upstream is missing")
	case !known:
		problems.Addf(at.At("upstream"), "there is no upstream %q%s", r.Upstream, suggest(r.Upstream, slices.Sorted(maps.Keys(c.Upstreams))))
	}
	if _, known := c.Denials[r.Denials]; !known && r.Denials != "" {
		problems.Addf(at.At("denials"), "there is no format %q%s", r.Denials, suggest(r.Denials, slices.Sorted(maps.Keys(c.Denials))))
	}
	c.checkAlternatives(at, r, problems)
	c.checkIdentityHeaders(at.At("identity_headers"), r.IdentityHeaders, problems)
	c.checkIdentityReferences(at, r, problems)
	c.checkComparisons(at, r, problems)
	c.checkIdle(at, r, problems)
	c.checkStreams(at, r, problems)
	c.checkForwarded(at, r, problems)
}
