package keys

import (
	"crypto/hmac"
	"hash"
	"time"

	"postern/policy"
)

// VerifyMAC returns the secret under which mac is the HMAC (RFC 2104) of a
// message, given in parts; all that are current at the time are tried. How long
// a comparison takes does not tell where mac differs. The error is
// [policy.BadSignature], or [policy.KeysUnavailable] where it may be of a secret
// that is stale.
func (s *Static) VerifyMAC(newHash func() hash.Hash, message [][]byte, mac []byte, at time.Time) (*Key, error) {
	for _, k := range s.set.keys {
		secret, ok := k.material.([]byte)
		if !ok || !k.Current(at) || k.Stale(at) {
			continue
		}
		h := hmac.New(newHash, secret)
		for _, part := range message {
			h.Write(part)
		}
		if hmac.Equal(h.Sum(nil), mac) {
			return k, nil
		}
	}
	if s.stale(at) {
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return nil, policy.Deny(policy.BadSignature, "")
}
