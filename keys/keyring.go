package keys

import (
	"context"
	"maps"
	"slices"
	"time"

	"postern/policy"
)

// Ring is the shared secrets of many tenants, which do not change by themselves.
// It is made by [Settings.LoadRing] and safe for concurrent use.
type Ring struct {
	tenants map[string][]*Key
	keys    int
	lease   *Lease // of the file with the ring
}

// Candidates returns the secrets of a tenant that are current, the one that kid
// names first; none is no error. The error is [policy.UnknownKey] for a tenant
// that the ring does not have, [policy.KeysUnavailable] where the ring is stale, or
// [policy.AlgorithmNotAllowed].
func (r *Ring) Candidates(tenant, kid, algorithm string, at time.Time) ([]*Key, error) {
	secrets, known := r.tenants[tenant]
	switch {
	case r.lease.Over(at):
		return nil, policy.Deny(policy.KeysUnavailable, "")
	case !known:
		return nil, policy.Deny(policy.UnknownKey, "")
	}
	return currentSecrets(secrets, kid, algorithm, at)
}

// Len returns the number of secrets of all tenants.
func (r *Ring) Len() int { return r.keys }

// Equal reports whether both hold the same secrets for the same tenants, each in
// the same order.
func (r *Ring) Equal(o *Ring) bool {
	return r.lease.equal(o.lease) && maps.EqualFunc(r.tenants, o.tenants, func(a, b []*Key) bool { return slices.EqualFunc(a, b, (*Key).same) })
}

// Seek says [policy.UnknownKey] at once: nothing new can come.
func (r *Ring) Seek(context.Context, string) error { return policy.Deny(policy.UnknownKey, "") }

// Has reports nothing: the ids of secrets are those of each tenant alone.
func (r *Ring) Has(string) bool { return false }

// Inherit is [Static.Inherit] for the secrets of each tenant.
func (r *Ring) Inherit(old *Ring) {
	for tenant, secrets := range r.tenants {
		before := old.tenants[tenant]
		if slices.EqualFunc(before, secrets, (*Key).same) { // nearly always
			r.tenants[tenant] = before
			continue
		}
		r.tenants[tenant], _ = inherit(before, secrets)
	}
	for tenant, secrets := range old.tenants {
		if _, stays := r.tenants[tenant]; !stays {
			retire(secrets)
		}
	}
}
