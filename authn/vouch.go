package authn

import (
	"reflect"

	"postern/keys"
	"postern/policy"
)

// Each authenticator vouches, after a reload, for an identity that the one of its
// name verified before: it does where it would have come to the same. Whether the
// key still is one of its own, the identity knows; where the credential stood does
// not matter any more.

// Vouches implements [Authenticator].
func (t *Token) Vouches(v *Verified) error {
	before, ok := v.by.(*staticToken)
	if !ok {
		return errRuled
	}
	now := t.byDigest[before.digest]
	if now == nil || !reflect.DeepEqual(now.verified.Identity, v.Identity) {
		return policy.Deny(policy.UnknownToken, "")
	}
	return nil
}

// Vouches implements [Authenticator].
func (j *JWT) Vouches(v *Verified) error {
	before, ok := v.by.(*JWT)
	return ruled(ok && (before == j || sameRules(j.settings, before.settings)))
}

func sameRules(now, before JWTSettings) bool {
	same := now.Keys.SameSource(&before.Keys)
	for _, s := range [...]*JWTSettings{&now, &before} {
		s.Keys, s.CarrierSettings = keys.Settings{}, CarrierSettings{}
	}
	return same && reflect.DeepEqual(now, before)
}

// Vouches implements [Authenticator].
func (i *Introspection) Vouches(v *Verified) error {
	before, ok := v.by.(*Introspection)
	return ruled(ok && (before == i || i.settings.sameRules(before.settings)))
}

func (s IntrospectionSettings) sameRules(o IntrospectionSettings) bool {
	for _, each := range [...]*IntrospectionSettings{&s, &o} {
		each.CarrierSettings, each.ClientSecret = CarrierSettings{}, keys.Value{}
	}
	return reflect.DeepEqual(s, o)
}

// Vouches implements [Authenticator].
func (p *Profile) Vouches(v *Verified) error {
	before, ok := v.by.(*Profile)
	return ruled(ok && (before == p || p.settings.sameRules(before.settings)))
}

func (s ProfileSettings) sameRules(o ProfileSettings) bool {
	s.CarrierSettings, o.CarrierSettings = CarrierSettings{}, CarrierSettings{}
	return reflect.DeepEqual(s, o)
}

// Vouches implements [Authenticator].
func (s *Signature) Vouches(v *Verified) error {
	before, ok := v.by.(*Signature)
	return ruled(ok && (before == s || s.settings.sameRules(before.settings)))
}

func (s SignatureSettings) sameRules(o SignatureSettings) bool {
	for _, each := range [...]*SignatureSettings{&s, &o} {
		each.CarrierSettings, each.Secrets = CarrierSettings{}, nil
	}
	return reflect.DeepEqual(s, o)
}

// errRuled is for an identity whose authenticator now holds its credentials to
// something else: another one is needed.
var errRuled = policy.Deny(policy.MissingCredential, "")

func ruled(same bool) error {
	if !same {
		return errRuled
	}
	return nil
}

// Vouches implements [Authenticator]. Which authorities count, the identity's key
// says itself.
func (m *MTLS) Vouches(v *Verified) error {
	before, ok := v.by.(*MTLS)
	return ruled(ok && (before == m || reflect.DeepEqual(before.settings, m.settings)))
}
