package keys

import (
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

// Key verifies signatures. Everything but its liveness, and when another one has
// taken its place its time, is fixed; it is safe for concurrent use, and nothing
// that formats, logs or marshals it shows its material.
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
	lease     *Lease         // of the files that it came from
	identity  [sha256.Size]byte
	gone      atomic.Bool
	successor atomic.Pointer[Key] // the same key with another time; nil for none
}

// seal computes the identity of a key whose fields are all set.
func (k *Key) seal() (*Key, error) {
	// Quoting and numbers keep the fields apart.
	text := make([]byte, 0, 256)
	for _, t := range [...]time.Time{k.NotBefore, k.NotAfter} {
		text = append(strconv.AppendInt(text, t.Unix(), 10), '.')
		text = append(strconv.AppendInt(text, int64(t.Nanosecond()), 10), ' ')
	}
	text, err := k.appendTimeless(text)
	if err != nil {
		return nil, err
	}
	k.identity = sha256.Sum256(text)
	return k, nil
}

// appendTimeless appends everything that makes the key but its time.
func (k *Key) appendTimeless(text []byte) ([]byte, error) {
	material, ok := k.material.([]byte)
	if !ok {
		der, err := x509.MarshalPKIXPublicKey(k.material)
		if err != nil {
			return nil, err
		}
		material = der
	}
	text = strconv.AppendQuote(text, k.ID)
	text = strconv.AppendQuote(text, k.algorithm)
	if len(k.Attributes) > 0 || k.members != nil { // a ring has many keys without either
		// A map prints in the order of its keys.
		text = fmt.Appendf(text, "%q %q", k.Attributes, k.members)
	}
	if ok {
		text = append(text, " secret "...)
	} else {
		text = append(text, " public "...)
	}
	return append(text, material...), nil
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

// Live reports whether the key, or the same one with another time, is still part of
// its set. A key that left never comes back; the same material published again is a
// new Key.
func (k *Key) Live() bool { return !k.latest().gone.Load() }

// Current reports whether a time is within NotBefore, inclusive, and NotAfter,
// exclusive.
func (k *Key) Current(at time.Time) bool {
	k = k.latest()
	return !at.Before(k.NotBefore) && (k.NotAfter.IsZero() || at.Before(k.NotAfter))
}

// Stale reports whether a file that the key came from has been unusable for too
// long at a time. The key must not be used then, and who needs it is told of an
// outage of ours, [policy.KeysUnavailable].
func (k *Key) Stale(at time.Time) bool { return k.latest().lease.Over(at) }

// Members returns what the key says of itself: what a JWK holds as a string or as
// a list of strings beside its material, and of other keys their id, as kid. It
// must not be changed.
func (k *Key) Members() map[string]any {
	if k.members != nil {
		return k.members
	}
	return map[string]any{"kid": k.ID}
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
