package authn

import (
	"sync/atomic"
	"time"

	"postern/policy"
)

// RevocationList is what a list of revocations amounts to, however long it is: a
// look-up takes the same time. It is immutable and safe for concurrent use.
type RevocationList struct {
	tokens, keys map[string]struct{}
	// What was issued before the time is revoked.
	customers, tenants map[string]time.Time
}

// NewRevocationList compiles entries that have passed Check. Of two that name the
// same customer or tenant the later time counts.
func NewRevocationList(entries []Revocation) *RevocationList {
	l := &RevocationList{
		tokens: map[string]struct{}{}, keys: map[string]struct{}{},
		customers: map[string]time.Time{}, tenants: map[string]time.Time{},
	}
	for i := range entries {
		switch e := &entries[i]; {
		case e.TokenID != nil:
			l.tokens[*e.TokenID] = struct{}{}
		case e.KeyID != nil:
			l.keys[*e.KeyID] = struct{}{}
		case e.CustomerID != nil:
			later(l.customers, *e.CustomerID, e.IssuedBefore)
		case e.Tenant != nil:
			later(l.tenants, *e.Tenant, e.IssuedBefore)
		}
	}
	return l
}

func later(times map[string]time.Time, name string, at time.Time) {
	if at.After(times[name]) {
		times[name] = at
	}
}

// covers reports whether a credential is revoked.
func (l *RevocationList) covers(v *Verified) bool {
	if _, revoked := l.tokens[v.TokenID]; revoked {
		return true
	}
	if _, revoked := l.keys[v.CredentialID]; revoked {
		return true
	}
	return v.issuedBefore(l.tenants[v.Tenant]) || l.coversCustomer(v)
}

// coversCustomer reports whether the customer's credentials are revoked. Of an
// object of ids any single one is enough: which of them the entry means cannot be
// told, and to let a revoked customer in is the worse mistake.
func (l *RevocationList) coversCustomer(v *Verified) bool {
	ids, isObject := v.Customer.(map[string]any)
	if !isObject {
		return v.issuedBefore(l.customers[policy.IDText(v.Customer)])
	}
	for _, id := range ids {
		if v.issuedBefore(l.customers[policy.IDText(id)]) {
			return true
		}
	}
	return false
}

// issuedBefore reports whether the credential is from before a time, where it may
// be for all that is known; a zero time is before everything.
func (v *Verified) issuedBefore(at time.Time) bool { return v.issued.Before(at) }

// Revocations is the list that is in force. Every identity refers to it, also one
// that an earlier generation verified, so that a new list is heeded everywhere at
// once. The zero value revokes nothing. It is safe for concurrent use.
type Revocations struct {
	list atomic.Pointer[RevocationList]
}

// Replace puts a list in force; nil revokes nothing.
func (r *Revocations) Replace(list *RevocationList) { r.list.Store(list) }

// cover reports whether the list in force covers a credential. Without one, r
// may be nil.
func (r *Revocations) cover(v *Verified) bool {
	if r == nil {
		return false
	}
	list := r.list.Load()
	return list != nil && list.covers(v)
}

// revocable returns what the list is asked about of an identity, nil for none, so
// that to remember it takes little memory.
func (v *Verified) revocable() *Verified {
	if v == nil {
		return nil
	}
	return &Verified{
		Identity:    policy.Identity{TokenID: v.TokenID, CredentialID: v.CredentialID, Tenant: v.Tenant, Customer: v.Customer},
		revocations: v.revocations,
		issued:      v.issued,
	}
}

// revocable is the part of an authenticator that ties its identities to the list
// in force.
type revocable struct{ revocations *Revocations }

// Heed implements [Authenticator].
func (r *revocable) Heed(list *Revocations) { r.revocations = list }
