package config

import (
	"fmt"
	"maps"
	"slices"

	"postern/authn"
	"postern/policy"
)

// capability is what the identities of an authenticator can have, or those of
// several: the members of an alternative, or all alternatives of a route.
type capability struct {
	// lowest and highest bound the level of an identity, of an alternative too:
	// its identity has the highest level of its members.
	lowest, highest policy.Level

	claims, profile, certificate, tenant, key, jwk bool
	// attributes that an identity can have, by name; true where each one has it.
	attributes map[string]bool
	// anyAttribute: what attributes there are, or will be, is not known.
	anyAttribute bool
}

// newCapability returns the capability of an authenticator; known is false where
// its settings could not be read far enough.
func (c *Config) newCapability(name string, a Authenticator) (can capability, known bool) {
	at := policy.Path{"authenticators", name}
	can.lowest, can.highest = policy.Application, policy.Application
	if customer, optional := a.Settings().Customer(); !customer.IsZero() {
		can.highest = policy.Customer
		if !optional {
			can.lowest = policy.Customer
		}
	}
	switch s := a.Settings().(type) {
	case *authn.JWTSettings:
		can.claims, can.key = true, true
		ring, jwks := s.Keys.IsKeyring(), s.Keys.IsJWKS()
		unread := !ring && !jwks && c.undecodedBelow(at.At("keys"))
		can.tenant, can.jwk = ring || unread, jwks || unread
	case *authn.IntrospectionSettings:
		can.claims = true
	case *authn.ProfileSettings:
		can.profile = true
	case *authn.MTLSSettings:
		can.certificate = true
	case unread:
		return capability{}, false
	}
	credentials, count := a.Settings().Listed(), map[string]int{}
	for _, credential := range credentials {
		for name := range credential.Attributes {
			count[name]++
		}
	}
	can.attributes = make(map[string]bool, len(count))
	for name, n := range count {
		can.attributes[name] = n == len(credentials)
	}
	// An empty list is honoured, and may be filled: whoever empties it to withdraw
	// all tokens must not be kept from that by what their attributes are used for.
	can.anyAttribute = credentials != nil && len(credentials) == 0 || c.undecodedBelow(at)
	return can, !c.undecodedBelow(at.At("customer_id")) && !c.undecodedBelow(at.At("customer_id_optional"))
}

// assess notes the capability of every authenticator that is known.
func (c *Config) assess() {
	c.capabilities = map[string]capability{authn.AnonymousName: {}}
	for name, a := range c.Authenticators {
		if can, known := c.newCapability(name, a); known && name != authn.AnonymousName {
			c.capabilities[name] = can
		}
	}
}

// add makes can the capability of more: of one more member of an alternative, or
// of one more alternative.
func (can *capability) add(more capability) {
	can.lowest, can.highest = max(can.lowest, more.lowest), max(can.highest, more.highest)
	can.claims, can.profile = can.claims || more.claims, can.profile || more.profile
	can.certificate, can.tenant = can.certificate || more.certificate, can.tenant || more.tenant
	can.key, can.jwk = can.key || more.key, can.jwk || more.jwk
	can.anyAttribute = can.anyAttribute || more.anyAttribute
	if can.attributes == nil {
		can.attributes = map[string]bool{}
	}
	for name, always := range more.attributes {
		can.attributes[name] = can.attributes[name] || always
	}
}

// groupCapability returns the capability of an alternative.
func (c *Config) groupCapability(group []string) (can capability, known bool) {
	for _, name := range group {
		member, known := c.capabilities[name]
		if !known {
			return capability{}, false
		}
		can.add(member)
	}
	return can, len(group) > 0
}

// alternatives returns the capability of each alternative of a route.
func (c *Config) alternatives(r *policy.RouteSettings) (list []capability, known bool) {
	for _, group := range r.Authenticate {
		can, known := c.groupCapability(group)
		if !known {
			return nil, false
		}
		list = append(list, can)
	}
	return list, len(list) > 0
}

// lacks says what keeps every identity from having what ref names, "" where
// nothing does.
func (can *capability) lacks(ref policy.Reference) string {
	_, attribute := can.attributes[ref.Name]
	switch {
	case (ref.Source == policy.CustomerID || ref.Source == policy.OpaqueID) && can.highest < policy.Customer:
		return "a customer_id"
	case ref.Source == policy.Attribute && !attribute && !can.anyAttribute:
		return fmt.Sprintf("an attribute %q%s", ref.Name, suggest(ref.Name, slices.Sorted(maps.Keys(can.attributes))))
	case ref.Source == policy.Claim && !can.claims:
		return "claims"
	case ref.Source == policy.Profile && !can.profile:
		return "a profile"
	case ref.Source == policy.Certificate && !can.certificate:
		return "a certificate"
	case ref.Source == policy.Issuer && !can.claims:
		return "claims, and so no issuer"
	case ref.Source == policy.TokenID && !can.claims:
		return "claims, and so no token_id"
	case ref.Source == policy.Tenant && !can.tenant:
		return "a keyring_file"
	case ref.Source == policy.KeyMember && !can.key:
		return "keys"
	case ref.Source == policy.KeyMember && !can.jwk && ref.Path.String() != "kid":
		return "JWKs, and other keys have no member but kid"
	}
	return ""
}
