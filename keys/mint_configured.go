package keys

import (
	"crypto"
	"time"
)

// MintKey returns the first secret of the set that is current at a time, of an id
// unless that is ""; nil where there is none.
func (s *Static) MintKey(id string, at time.Time) *MintKey { return mintKey(s.set.keys, id, at) }

// MintKey is [Static.MintKey] for the secrets of a tenant.
func (r *Ring) MintKey(tenant, id string, at time.Time) *MintKey {
	return mintKey(r.tenants[tenant], id, at)
}

func mintKey(list []*Key, id string, at time.Time) *MintKey {
	for _, k := range list {
		if k.Symmetric() && k.Current(at) && (id == "" || k.ID == id) {
			return &MintKey{k.ID, k.Attributes, k.NotBefore, k.NotAfter, k.material}
		}
	}
	return nil
}

// Holds returns the id of the public key that verifies what a private key signs.
func (s *Static) Holds(private *MintKey) (id string, ok bool) {
	public, comparable := private.verifying().(interface{ Equal(crypto.PublicKey) bool })
	for _, k := range s.set.keys {
		if comparable && public.Equal(k.material) {
			return k.ID, true
		}
	}
	return "", false
}
