package authn

import (
	"maps"
	"time"

	"postern/policy"
)

// Merge adds the identity of a group's next member to that of those before it,
// nil for none; name is the group's. The customer and the claims come from the
// only member of level customer, or claims from the only one that has any, the
// tenant and the certificate from whoever has one, and attributes from all.
func Merge(group, next *Verified, name string) (*Verified, error) {
	if group == nil {
		return next, nil
	}
	if group.Level == policy.Customer && next.Level == policy.Customer {
		return nil, policy.Deny(policy.IdentityMismatch, "two credentials name a customer")
	}
	if group.Tenant != "" && next.Tenant != "" && group.Tenant != next.Tenant {
		return nil, policy.Deny(policy.IdentityMismatch, "two credentials are of different tenants")
	}
	lead, other := group, next
	if next.Level > group.Level || next.Level == group.Level && group.Claims == nil && next.Claims != nil {
		lead, other = next, group
	}
	merged := &Verified{Identity: lead.Identity, parts: append(group.Members(), next)}
	merged.Authenticator = name
	if merged.Tenant == "" {
		merged.Tenant = other.Tenant
	}
	if merged.Certificate == nil {
		merged.Certificate = other.Certificate // a connection has only one
	}
	merged.Attributes = maps.Clone(lead.Attributes)
	for key, value := range other.Attributes {
		if _, taken := merged.Attributes[key]; taken {
			return nil, policy.Denyf(policy.IdentityMismatch, "two credentials have the attribute %s", key)
		}
		if merged.Attributes == nil {
			merged.Attributes = map[string]string{}
		}
		merged.Attributes[key] = value
	}
	merged.ExpiresAt = earliest(lead.ExpiresAt, other.ExpiresAt)
	return merged, nil
}

// Members returns the identities that a group was merged from, or else the
// identity itself.
func (v *Verified) Members() []*Verified {
	if v.parts != nil {
		return v.parts[:len(v.parts):len(v.parts)]
	}
	return []*Verified{v}
}

// earliest returns the earlier of two ends, where a zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
