package authn

import (
	"time"

	"postern/keys"
	"postern/policy"
)

// AssertionSettings configure the identity assertion, a signed JWT by which an
// upstream can tell that it was Postern who named the customer.
type AssertionSettings struct {
	// Header is reserved as identity headers are.
	Header string `yaml:"header"`
	Issuer string `yaml:"issuer"`
	// Keys are published all together; the first one signs.
	Keys []keys.SigningKeySettings `yaml:"keys"`
	// TTL is how long an assertion lasts at most.
	TTL policy.Duration `yaml:"ttl"`

	standIn *keys.SigningKey // in the place of Keys, where not nil
}

// StandIn puts a throw-away key in the place of the configured ones, whose files
// need not be there then.
func (s *AssertionSettings) StandIn() { s.standIn = keys.GenerateSigningKey() }

// SetDefaults fills in what the configuration leaves out.
func (s *AssertionSettings) SetDefaults() {
	s.Header, s.TTL = "X-Identity-Assertion", policy.Duration(time.Minute)
}

const (
	minAssertionTTL = policy.Duration(time.Second)
	maxAssertionTTL = policy.Duration(time.Hour)
)

// Check reports what is wrong with the settings. Nil settings are no assertion.
func (s *AssertionSettings) Check(at policy.Path, problems *policy.Problems) {
	if s == nil {
		return
	}
	policy.CheckIdentityHeader(at.At("header"), s.Header, problems)
	if s.Issuer == "" {
		problems.Addf(at, "issuer is missing")
	}
	if len(s.Keys) == 0 {
		problems.Addf(at, "keys is missing: the first one signs")
	}
	keys.CheckSigningKeys(s.Keys, at.At("keys"), problems)
	if s.TTL < minAssertionTTL || s.TTL > maxAssertionTTL {
		problems.Addf(at.At("ttl"), "wants 1s to 1h")
	}
}

// Load reads the keys and returns who asserts with them, or nil where one of them
// cannot be used, which is reported, and for nil settings.
func (s *AssertionSettings) Load(at policy.Path, l keys.Loader, problems *policy.Problems) *Asserter {
	if s == nil {
		return nil
	}
	if s.standIn != nil {
		return newAsserter(s, []*keys.SigningKey{s.standIn})
	}
	signing := keys.LoadSigningKeys(s.Keys, at.At("keys"), l, problems)
	if len(signing) == 0 || len(signing) < len(s.Keys) {
		return nil
	}
	return newAsserter(s, signing)
}
