package keys

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"postern/policy"
)

// Key verifies signatures. Everything but its liveness is fixed; it is safe for
// concurrent use, and nothing that formats, logs or marshals it shows its
// material.
type Key struct {
	// ID is the kid of a JWK, or the id that the configuration gives; "" for a
	// JWK without kid.
	ID string
	// Attributes are what the configuration says of whoever holds the key.
	Attributes map[string]string
	// NotBefore and NotAfter bound when the key is current; a zero time is no
	// bound.
	NotBefore, NotAfter time.Time

	algorithm string         // the only one that the key is for; "" for all that fit
	material  any            // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	members   map[string]any // of a JWK; nil for other keys
	// named is what stands in the place of members, once somebody has asked: a ring
	// has many keys that nobody uses.
	named    atomic.Pointer[map[string]any]
	lease    *Lease // of the files that it came from
	identity [sha256.Size]byte
	gone     atomic.Bool
}

// seal computes the identity of a key whose fields are all set.
func (k *Key) seal() (*Key, error) {
	material, ok := k.material.([]byte)
	if !ok {
		der, err := x509.MarshalPKIXPublicKey(k.material)
		if err != nil {
			return nil, err
		}
		material = der
	}
	// Quoting and numbers keep the fields apart.
	text := strconv.AppendQuote(make([]byte, 0, 256), k.ID)
	text = strconv.AppendQuote(text, k.algorithm)
	for _, t := range [...]time.Time{k.NotBefore, k.NotAfter} {
		text = append(strconv.AppendInt(text, t.Unix(), 10), '.')
		text = append(strconv.AppendInt(text, int64(t.Nanosecond()), 10), ' ')
	}
	if len(k.Attributes) > 0 || k.members != nil { // a ring has many keys without either
		// A map prints in the order of its keys.
		text = fmt.Appendf(text, "%q %q", k.Attributes, k.members)
	}
	if ok {
		text = append(text, " secret "...)
	} else {
		text = append(text, " public "...)
	}
	k.identity = sha256.Sum256(append(text, material...))
	return k, nil
}

// lend gives a sealed key the lease of the files that it came from. One with
// another lease is another key.
func (k *Key) lend(l *Lease) {
	if l != nil {
		k.lease = l
		k.identity = sha256.Sum256(append(k.identity[:], l.text...))
	}
}

// same reports whether two keys are equal in everything but liveness.
func (k *Key) same(o *Key) bool { return k.identity == o.identity }

// SameMaterial reports whether two keys verify the same signatures, whatever else is
// said of them.
func (k *Key) SameMaterial(o *Key) bool {
	if secret, ok := k.material.([]byte); ok {
		other, ok := o.material.([]byte)
		return ok && hmac.Equal(secret, other)
	}
	public, ok := k.material.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(o.material)
}

// Live reports whether the key is still part of its set. A key that left never
// comes back; the same material published again is a new Key.
func (k *Key) Live() bool { return !k.gone.Load() }

// Current reports whether a time is within NotBefore, inclusive, and NotAfter,
// exclusive.
func (k *Key) Current(at time.Time) bool {
	return !at.Before(k.NotBefore) && (k.NotAfter.IsZero() || at.Before(k.NotAfter))
}

// Stale reports whether a file that the key came from has been unusable for too
// long at a time. The key must not be used then, and who needs it is told of an
// outage of ours, [policy.KeysUnavailable].
func (k *Key) Stale(at time.Time) bool { return k.lease.Over(at) }

// Members returns what the key says of itself: what a JWK holds as a string or as
// a list of strings beside its material, and of other keys their id, as kid. It
// must not be changed.
func (k *Key) Members() map[string]any {
	if k.members != nil {
		return k.members
	}
	if known := k.named.Load(); known != nil {
		return *known
	}
	named := map[string]any{"kid": k.ID}
	k.named.Store(&named)
	return named
}

// Symmetric reports whether the key is a shared secret.
func (k *Key) Symmetric() bool { return isSecret(k.material) }

// Fits reports whether the key may verify signatures of an algorithm: it is of
// the right kind, and not published for another algorithm (RFC 7517, section
// 4.4).
func (k *Key) Fits(algorithm string) bool {
	a, ok := LookupAlgorithm(algorithm)
	return ok && k.fits(a)
}

func (k *Key) fits(a *Algorithm) bool {
	return (k.algorithm == "" || k.algorithm == a.name) && a.fits(k.material)
}

// Verify checks a signature over signingInput, the first two parts of a compact
// JWS with the dot between them. Its error is [policy.AlgorithmNotAllowed] where
// the key does not fit, else [policy.BadSignature]. Verify does not ask whether
// the key is live or current.
func (k *Key) Verify(algorithm, signingInput string, signature []byte) error {
	a, ok := LookupAlgorithm(algorithm)
	if !ok || !k.fits(a) {
		return policy.Deny(policy.AlgorithmNotAllowed, "")
	}
	if a.method.Verify(signingInput, signature, k.material) != nil {
		return policy.Deny(policy.BadSignature, "")
	}
	return nil
}

// String names the key by its id.
func (k *Key) String() string { return "key " + strconv.Quote(k.ID) }

// Format prints what [Key.String] returns for every verb: fmt would print the
// fields for those that are not for strings.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue names the key by its id, for log/slog.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// inherit returns fresh with each key that old holds too replaced by the old
// pointer, so that what a key has verified stays valid, and the keys of old
// that fresh lacks.
func inherit(old, fresh []*Key) (kept, gone []*Key) {
	known := make(map[[sha256.Size]byte]*Key, len(old))
	for _, k := range old {
		known[k.identity] = k
	}
	kept = make([]*Key, len(fresh))
	for i, k := range fresh {
		if before, ok := known[k.identity]; ok {
			delete(known, k.identity)
			k = before
		}
		kept[i] = k
	}
	for _, k := range old {
		if _, left := known[k.identity]; left {
			gone = append(gone, k)
		}
	}
	return kept, gone
}

// retire marks keys as no longer part of their set.
func retire(gone []*Key) {
	for _, k := range gone {
		k.gone.Store(true)
	}
}
