package authn

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// Draft is a token that is not signed yet, for tests of a policy. Its members may
// be changed as an attacker would.
type Draft struct{ Header, Claims map[string]any }

// Draft returns a token for the authenticator, to be signed with a key: issued at a
// time, ending so long after it, with everything to which the settings give a
// value. What is only required of it, and what names the customer, is not there.
func (s *JWTSettings) Draft(key *keys.MintKey, at time.Time, lifetime time.Duration) Draft {
	d := Draft{
		Header: map[string]any{"typ": "JWT"},
		Claims: map[string]any{"iat": at.Unix(), "exp": at.Add(lifetime).Unix()},
	}
	if i := slices.IndexFunc(s.Algorithms, key.Fits); i >= 0 {
		d.Header["alg"] = s.Algorithms[i]
	}
	if key.ID != "" {
		d.Header["kid"] = key.ID
	}
	if s.Typ != "" {
		d.Header["typ"] = s.Typ
	}
	if len(s.Issuer) > 0 {
		d.Claims["iss"] = s.Issuer[0]
	}
	audience := slices.Clone([]string(s.AudienceAll))
	if len(s.Audience) > 0 && !slices.ContainsFunc(s.Audience, func(name string) bool { return slices.Contains(audience, name) }) {
		audience = append(audience, s.Audience[0])
	}
	switch len(audience) {
	case 0:
	case 1:
		d.Claims["aud"] = audience[0]
	default:
		d.Claims["aud"] = audience
	}
	if len(s.Scopes) > 0 {
		d.Claims["scope"] = strings.Join(s.Scopes, " ")
	}
	for _, text := range slices.Sorted(maps.Keys(s.Claims)) {
		if path, err := policy.ParseClaimPath(text); err == nil {
			_ = path.Set(d.Claims, s.Claims[text]) // what is in no single place is left to whoever makes the token
		}
	}
	return d
}

// Sign returns the token in the compact serialization (RFC 7515, section 7.1).
// Where the header's alg is none that the key can sign with, the signature is
// empty.
func (d Draft) Sign(key *keys.MintKey) (string, error) {
	header, err := json.Marshal(d.Header)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(d.Claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	token := encode(header) + "." + encode(claims)
	algorithm, _ := d.Header["alg"].(string)
	if !key.Fits(algorithm) {
		return token + ".", nil
	}
	signature, err := key.Sign(algorithm, token)
	return token + "." + encode(signature), err
}
