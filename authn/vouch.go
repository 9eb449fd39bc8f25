package authn

import (
	"crypto/x509"
	"maps"
	"reflect"
	"time"

	"postern/keys"
	"postern/policy"
)

// Each authenticator vouches for an identity by what a request with the same
// credential would come to, as far as the credential is still known: of a token its
// claims, of a certificate its chains. Where the credential stood does not matter any
// more.

// Vouch implements [Authenticator].
func (t *Token) Vouch(v *Verified, _ time.Time) (*Verified, error) {
	before, ok := v.proof.(*staticToken)
	if !ok {
		return nil, errRuled
	}
	now := t.byDigest[before.digest]
	if now == nil {
		return nil, policy.Deny(policy.UnknownToken, "")
	}
	return v.continuedBy(now.verified)
}

// Vouch implements [Authenticator].
func (j *JWT) Vouch(v *Verified, at time.Time) (*Verified, error) {
	before, ok := v.by.(*JWT)
	switch {
	// What of the request selects the tenant is not known any more.
	case !ok || !reflect.DeepEqual(j.settings.Keys.Select, before.settings.Keys.Select):
		return nil, errRuled
	case before == j && v.key.Live():
		return v, nil
	}
	header := v.proof.(*jwsHeader)
	if err := j.checkHeader(header, nil); err != nil {
		return nil, err
	}
	key, err := v.heir(j.keys, header.keyID, header.algorithm, at)
	if err != nil {
		return nil, err
	}
	times, err := j.recheck(v.Claims)
	if err != nil {
		return nil, err
	}
	now, err := j.identify(header, v.Claims, key, v.Tenant, &times)
	if err != nil {
		return nil, err
	}
	return v.continuedBy(now)
}

// heir returns the key that verifies now what the identity's own has verified: that
// one, or one of the same material in its place.
func (v *Verified) heir(set KeySet, keyID, algorithm string, at time.Time) (*keys.Key, error) {
	candidates, err := set.Candidates(v.Tenant, keyID, algorithm, at)
	if err != nil {
		return nil, err
	}
	for _, key := range candidates {
		if key.SameMaterial(v.key) {
			return key, nil
		}
	}
	return nil, policy.Deny(policy.UnknownKey, "the key of the token was withdrawn")
}

// Vouch implements [Authenticator]. The server is not asked again: it would be told
// the token, which nobody keeps.
func (i *Introspection) Vouch(v *Verified, _ time.Time) (*Verified, error) {
	before, ok := v.by.(*Introspection)
	switch {
	case !ok || before.settings.URL != i.settings.URL || before.settings.ClientID != i.settings.ClientID:
		return nil, errRuled
	case before == i:
		return v, nil
	}
	times, err := i.rules.recheck(v.Claims)
	if err != nil {
		return nil, err
	}
	now, err := i.identify(v.Claims, &times)
	if err != nil {
		return nil, err
	}
	return v.continuedBy(now)
}

// Vouch implements [Authenticator].
func (p *Profile) Vouch(v *Verified, _ time.Time) (*Verified, error) {
	before, ok := v.by.(*Profile)
	if !ok || before != p && !p.settings.sameRules(before.settings) {
		return nil, errRuled
	}
	return v, nil
}

func (s ProfileSettings) sameRules(o ProfileSettings) bool {
	for _, each := range [...]*ProfileSettings{&s, &o} {
		each.CarrierSettings, each.ServiceSettings = CarrierSettings{}, ServiceSettings{}
	}
	return reflect.DeepEqual(s, o)
}

// Vouch implements [Authenticator].
func (s *Signature) Vouch(v *Verified, at time.Time) (*Verified, error) {
	before, ok := v.by.(*Signature)
	switch {
	case !ok || before != s && !s.settings.sameRules(before.settings):
		return nil, errRuled
	case before == s:
		return v, nil
	}
	key, err := v.heir(s.secrets, "", anySymmetric, at)
	if err != nil {
		return nil, err
	}
	now := s.identify(key, v.issued)
	now.Level, now.Customer = v.Level, v.Customer
	return v.continuedBy(now)
}

// anySymmetric is an algorithm that every secret fits.
const anySymmetric = "HS256"

func (s SignatureSettings) sameRules(o SignatureSettings) bool {
	for _, each := range [...]*SignatureSettings{&s, &o} {
		each.CarrierSettings, each.Secrets, each.AllowWeakSecret = CarrierSettings{}, nil, false
	}
	return reflect.DeepEqual(s, o)
}

// Vouch implements [Authenticator]. A stream may be kept past the end of the
// certificate, which then is held to what counted at that end.
func (m *MTLS) Vouch(v *Verified, at time.Time) (*Verified, error) {
	before, ok := v.by.(*MTLS)
	switch {
	case !ok:
		return nil, errRuled
	case before == m:
		return v, nil
	}
	now, err := m.trace(v.proof.([][]*x509.Certificate), earliest(at, v.ExpiresAt), nil)
	if err != nil {
		return nil, err
	}
	return v.continuedBy(now)
}

// errRuled is for an identity whose authenticator now holds its credentials to
// something else, or makes another identity of them: another one is needed.
var errRuled = policy.Deny(policy.MissingCredential, "")

// continuedBy returns what has become of the same credential, where it says of its
// holder what it said before. Its times may have changed, and the names of its key.
func (v *Verified) continuedBy(now *Verified) (*Verified, error) {
	if now != v && !reflect.DeepEqual(holder(v.Identity), holder(now.Identity)) {
		return nil, errRuled
	}
	return now, nil
}

// holder returns what of an identity says whose the credential is.
func holder(id policy.Identity) policy.Identity {
	id.ExpiresAt, id.CredentialID, id.Key = time.Time{}, "", maps.Clone(id.Key)
	for _, member := range keyDescription {
		delete(id.Key, member)
	}
	return id
}

// keyDescription are the members by which a JWK describes itself and not its holder
// (RFC 7517, section 4).
var keyDescription = []string{"kty", "use", "key_ops", "alg", "kid", "x5u", "x5t", "x5t#S256", "crv"}
