package authn

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// Signature verifies the HMAC of a request, as channels put it on webhooks, or
// of the customer's id in it. It is safe for concurrent use.
type Signature struct {
	opaque
	revocable
	name     string
	settings SignatureSettings
	secrets  *keys.Static
}

// Reads implements [RequestReader].
func (s *Signature) Reads() []policy.Reference { return s.settings.Reads() }

// Verify implements [Authenticator]. Nothing is cached: what is verified is the
// request, and no other one is the same.
func (s *Signature) Verify(_ context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	v, err := s.verify(c, at)
	return v, NoCache, err
}

// verify looks at the timestamp only once it is known to be the signer's.
func (s *Signature) verify(c Credential, at time.Time) (*Verified, error) {
	c.Trace.Enter(CheckForm)
	mac, err := s.decode(c.Value)
	if err != nil {
		return nil, err
	}
	c.Trace.Enter(CheckMessage)
	message, err := s.settings.Message.read(c.Request)
	if err != nil {
		return nil, err
	}
	c.Trace.Enter(CheckSignature)
	key, err := s.secrets.VerifyMAC(hashes[s.settings.Hash], message, mac, at)
	if err != nil {
		return nil, err
	}
	c.Trace.Enter(CheckTimestamp)
	signed, err := s.checkTimestamp(c.Request, at)
	if err != nil {
		return nil, err
	}
	c.Trace.Enter(CheckCustomer)
	v := s.identify(key, signed)
	if !s.settings.CustomerID.IsZero() {
		v.Level = policy.Customer
		if v.Customer, err = onlyText(c.Request, s.settings.CustomerID); err != nil {
			return nil, err
		}
	}
	c.Trace.Enter(CheckRevocation)
	if err := v.checkRevoked(); err != nil {
		return nil, err
	}
	return v, nil
}

func (s *Signature) decode(credential string) ([]byte, error) {
	text, found := strings.CutPrefix(credential, s.settings.Prefix)
	if !found {
		return nil, policy.Denyf(policy.MalformedCredential, "the signature must begin with %s", s.settings.Prefix)
	}
	decode := hex.DecodeString
	if s.settings.Encoding == encodingBase64 {
		decode = base64.StdEncoding.Strict().DecodeString
	}
	mac, err := decode(text)
	if err != nil {
		return nil, policy.Denyf(policy.MalformedCredential, "the signature is not in %s", s.settings.Encoding)
	}
	return mac, nil
}

// checkTimestamp bounds how long a signed request can be sent again. It returns
// when the request was signed, the zero time where it does not say.
func (s *Signature) checkTimestamp(r Request, at time.Time) (signed time.Time, err error) {
	ref, tolerance := s.settings.Timestamp, s.settings.tolerance()
	if ref.IsZero() {
		return signed, nil
	}
	text, err := onlyText(r, ref)
	if err != nil {
		return signed, err
	}
	if signed, err = parseSeconds(text); err != nil {
		return signed, policy.Denyf(policy.MalformedCredential, "%s is no time in seconds", ref)
	}
	switch {
	case at.After(signed.Add(tolerance)):
		return signed, policy.Denyf(policy.TokenTooOld, "%s may be %s ago at most", ref, tolerance)
	case signed.After(at.Add(tolerance)):
		return signed, policy.Denyf(policy.IssuedInFuture, "%s is in seconds, and may be %s ahead of the clock at most", ref, tolerance)
	}
	return signed, nil
}

func parseSeconds(text string) (time.Time, error) {
	seconds, err := strconv.ParseUint(text, 10, 62) // with two bits less, no sum overflows
	return time.Unix(int64(seconds), 0), err
}

func (s *Signature) identify(key *keys.Key, signed time.Time) *Verified {
	return &Verified{
		Identity: policy.Identity{
			Level:         policy.Application,
			Attributes:    key.Attributes,
			Authenticator: s.name,
			CredentialID:  key.ID,
		},
		SecretID:    key.ID,
		by:          s,
		key:         key,
		revocations: s.revocations,
		issued:      signed,
	}
}
