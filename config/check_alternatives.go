package config

import (
	"maps"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// checkAlternatives holds a route's authenticators to the rules by which a
// request chooses among them.
func (c *Config) checkAlternatives(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	if len(r.Authenticate) == 0 {
		problems.Addf(at, "authenticate is missing: name authenticators, or [anonymous] for a public route")
	}
	var names []string // of all authenticators
	for i, group := range r.Authenticate {
		place := at.At("authenticate", i)
		if len(group) == 0 {
			problems.Addf(place, "an empty group would let everything through")
		}
		checkReachable(place, r.Authenticate[:i], group, problems)
		for k, name := range group {
			if _, known := c.Authenticators[name]; !known && name != authn.AnonymousName {
				all := append(slices.Sorted(maps.Keys(c.Authenticators)), authn.AnonymousName)
				problems.Addf(place, "there is no authenticator %q%s", name, suggest(name, all))
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			c.checkGroup(place, group[:k], name, problems)
		}
	}
	c.checkRivals(at, names, problems)
	c.checkCookies(at, r, names, problems)
	c.checkProfiles(at, r, names, problems)
	c.checkReads(at, r, names, problems)
	c.checkTenants(at, r, problems)
	if r.PassAuthorization && !isPublic(r) {
		problems.Addf(at.At("pass_authorization"), "only a public route, authenticate: [anonymous], can leave credentials to its backend")
	}
}

// checkGroup holds the next member of a group to those before it: a request
// must be able to carry the credentials of all.
func (c *Config) checkGroup(at policy.Path, before []string, name string, problems *policy.Problems) {
	if len(before) > 0 && (name == authn.AnonymousName || slices.Contains(before, authn.AnonymousName)) {
		problems.Addf(at, "anonymous cannot be a member of a group")
		return
	}
	for _, other := range before {
		switch {
		case name == other:
			problems.Addf(at, "%s stands twice", name)
		case overlap(c.carriers(name), c.carriers(other)):
			problems.Addf(at, "%s and %s are carried in the same place, so that no request can carry both", other, name)
		case c.namesCustomer(name) && c.namesCustomer(other):
			problems.Addf(at, "%s and %s both name a customer", other, name)
		default:
			c.checkMerge(at, other, name, problems)
		}
	}
}

func overlap(a, b []authn.Carrier) bool {
	return slices.ContainsFunc(a, func(c authn.Carrier) bool { return slices.ContainsFunc(b, c.Overlaps) })
}

func (c *Config) namesCustomer(name string) bool {
	ref, _ := c.settings(name).Customer()
	return !ref.IsZero()
}

// checkRivals: authenticators of a route that read one carrier must be told
// apart by the credential alone.
func (c *Config) checkRivals(at policy.Path, names []string, problems *policy.Problems) {
	for i, name := range names {
		own := c.carriers(name)
		for _, other := range names[:i] {
			carriers := c.carriers(other)
			if !overlap(own, carriers) {
				continue
			}
			why := c.confusable(name, other)
			if why == "" && differ(own, carriers) {
				why = "they want different schemes there"
			}
			if why != "" {
				problems.Addf(at.At("authenticate"), "%s and %s are carried in the same place and cannot be told apart: %s", other, name, why)
			}
		}
	}
}

// differ reports whether a place that both read holds a scheme for one and not
// the same for the other.
func differ(a, b []authn.Carrier) bool {
	return slices.ContainsFunc(a, func(c authn.Carrier) bool {
		return slices.ContainsFunc(b, func(o authn.Carrier) bool {
			return c.Overlaps(o) && !strings.EqualFold(c.Scheme, o.Scheme)
		})
	})
}

// confusable says why a credential could be for either authenticator, "" where
// it cannot.
func (c *Config) confusable(a, b string) string {
	one, two := c.Authenticators[a], c.Authenticators[b]
	switch {
	case one.Token != nil && two.Token != nil:
		return "both are static tokens"
	case one.MTLS != nil && two.MTLS != nil:
		return "a connection has one certificate"
	case one.JWT == nil && two.JWT == nil:
		return "neither is a JWT"
	case one.JWT == nil || two.JWT == nil:
		return "" // a JWT for the one, anything else for the other
	case one.JWT.Issuer == nil && two.JWT.Issuer == nil:
		if !one.JWT.Keys.Tell(&two.JWT.Keys) {
			return "neither has an issuer, nor do the ids of their keys tell"
		}
	}
	for _, issuer := range one.JWT.Issuer {
		if slices.Contains(two.JWT.Issuer, issuer) {
			return "both accept the issuer " + issuer
		}
	}
	return ""
}

// checkCookies: cookies come along with requests that another page made.
func (c *Config) checkCookies(at policy.Path, r *policy.RouteSettings, names []string, problems *policy.Problems) {
	for _, name := range names {
		reads := slices.ContainsFunc(c.carriers(name), func(carrier authn.Carrier) bool { return carrier.Cookie != "" }) ||
			slices.ContainsFunc(c.settings(name).Reads(), func(ref policy.Reference) bool { return ref.Source == policy.Cookie })
		if reads && r.Origins == nil {
			problems.Addf(at, "origins is missing: %s reads a cookie, which a browser sends whichever page asks", name)
		}
	}
}
