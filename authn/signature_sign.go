package authn

import (
	"encoding/base64"
	"encoding/hex"

	"postern/keys"
)

// Sign returns the credential that a request needs, for tests of a policy: its
// signature as the settings want it written. Its error is a policy.Denial.
func (s *Signature) Sign(r Request, key *keys.MintKey) (string, error) {
	message, err := s.settings.Message.read(r)
	if err != nil {
		return "", err
	}
	mac := key.MAC(hashes[s.settings.Hash], message)
	if s.settings.Encoding == encodingBase64 {
		return s.settings.Prefix + base64.StdEncoding.EncodeToString(mac), nil
	}
	return s.settings.Prefix + hex.EncodeToString(mac), nil
}
