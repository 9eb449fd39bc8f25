package policytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"postern/config"
	"postern/policy"
)

// Credential says how the credential for an authenticator is made. Which of the
// keys there are for it depends on the authenticator's type.
type Credential struct {
	// Raw is sent as it stands, in the place of what would be made.
	Raw string `yaml:"raw"`
	// ID is that of a static token, the first one unless set.
	ID string `yaml:"id"`
	// SignedBy is the id of the key that signs, the first one unless set, or
	// stranger for a key that is not configured.
	SignedBy string `yaml:"signed_by"`
	// Tenant is that of a key ring whose key signs.
	Tenant string `yaml:"tenant"`
	// Header and Claims are members of the token beside those that the authenticator
	// asks for, or in their place; null removes one.
	Header map[string]any `yaml:"header"`
	Claims map[string]any `yaml:"claims"`
	// ExpiresIn and IssuedIn are exp and iat as times from that of the case.
	ExpiresIn *Offset `yaml:"expires_in"`
	IssuedIn  *Offset `yaml:"issued_in"`
	// Certificate is what a client's certificate says.
	Certificate *Certificate `yaml:"certificate"`
}

// stranger is the signer whose key is not configured.
const stranger = "stranger"

// Offset is a time from another one, such as 5m or, before it, -5m.
type Offset time.Duration

// UnmarshalText reads the offset.
func (o *Offset) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration (like 30s, 5m, -5m)", text)
	}
	*o = Offset(v)
	return nil
}

func (c *Credential) check(at policy.Path, problems *policy.Problems) {
	if !httpguts.ValidHeaderFieldValue(c.Raw) {
		problems.Addf(at.At("raw"), "holds a byte that no header can")
	}
	if given := c.given(); c.Raw != "" && len(given) > 1 {
		problems.Addf(at.At("raw"), "stands in place of %s", strings.Join(given[1:], " and "))
	}
}

// given lists the keys that are written, raw first.
func (c *Credential) given() (keys []string) {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"raw", c.Raw != ""}, {"id", c.ID != ""}, {"signed_by", c.SignedBy != ""}, {"tenant", c.Tenant != ""},
		{"header", c.Header != nil}, {"claims", c.Claims != nil},
		{"expires_in", c.ExpiresIn != nil}, {"issued_in", c.IssuedIn != nil}, {"certificate", c.Certificate != nil},
	} {
		if key.given {
			keys = append(keys, key.name)
		}
	}
	return keys
}

// takes says which keys a credential for an authenticator may have.
func takes(a config.Authenticator) []string {
	switch {
	case a.Token != nil:
		return []string{"raw", "id", "signed_by"}
	case a.JWT != nil && a.JWT.Keys.IsKeyring():
		return []string{"raw", "signed_by", "tenant", "header", "claims", "expires_in", "issued_in"}
	case a.JWT != nil:
		return []string{"raw", "signed_by", "header", "claims", "expires_in", "issued_in"}
	case a.Signature != nil:
		return []string{"raw", "signed_by"}
	case a.MTLS != nil:
		return []string{"signed_by", "expires_in", "issued_in", "certificate"}
	}
	return []string{"raw"}
}

// checkNames holds what a case says of authenticators to those that there are.
func (c *Case) checkNames(at policy.Path, r *config.Rehearsal, problems *policy.Problems) {
	for _, name := range slices.Sorted(maps.Keys(c.Credentials)) {
		place, credential := at.At("credentials", name), c.Credentials[name]
		a, known := r.Authenticators[name]
		if !known {
			problems.Addf(place, "there is no such authenticator in the configuration")
			continue
		}
		for _, key := range credential.given() {
			if !slices.Contains(takes(a), key) {
				problems.Addf(place.At(key), "says nothing for an authenticator of this type: use %s", strings.Join(takes(a), ", "))
			}
		}
		if err := credential.checkIDs(r.StandIns[name]); err != nil {
			problems.Addf(place, "%v", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Answers)) {
		if a := r.Authenticators[name]; a.Introspection == nil && a.Profile == nil {
			problems.Addf(at.At("answers", name), "is no authenticator of the configuration that asks a service")
		}
	}
}
