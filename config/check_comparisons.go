package config

import "postern/policy"

// checkComparisons holds what a rule makes of lists and objects to what its part
// of an identity can be.
func (c *Config) checkComparisons(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	for i, rule := range r.Consistency {
		place := at.At("consistency", i)
		if c.undecodedBelow(place.At("identity")) {
			continue
		}
		list, object := shapes(rule.Identity)
		if rule.Op == policy.In && !list {
			problems.Addf(place.At("op"), "in compares with the elements of a list, which %s never is", rule.Identity)
		}
		if rule.UnsignedIDs != nil && rule.Op != policy.In && rule.Request.Source == policy.Body && !object {
			problems.Addf(place.At("unsigned_ids"), "says nothing: %s is never an object of ids", rule.Identity)
		}
	}
}

// shapes reports whether a part of an identity can be a list, and an object.
func shapes(ref policy.Reference) (list, object bool) {
	switch ref.Source {
	case policy.CustomerID:
		return false, true
	case policy.KeyMember:
		return ref.Path.String() != "kid", false
	case policy.LevelName, policy.AuthenticatorName, policy.Issuer, policy.Tenant, policy.ExpiresAt, policy.TokenID, policy.OpaqueID, policy.Attribute:
		return false, false
	case policy.Certificate:
		return ref.NamesList(), false
	}
	return true, true
}
