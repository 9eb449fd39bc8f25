package config

import (
	"fmt"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// Authenticator is one configured way to verify a credential: exactly one of
// the fields is set.
type Authenticator struct {
	Token     *authn.TokenSettings
	JWT       *authn.JWTSettings
	Signature *authn.SignatureSettings

	Introspection *authn.IntrospectionSettings
	Profile       *authn.ProfileSettings
	MTLS          *authn.MTLSSettings
}

// Kinds lists the types, for the decoder's suggestions.
func (a *Authenticator) Kinds() []string {
	return []string{"token", "jwt", "introspection", "profile", "signature", "mtls"}
}

// Variant prepares the settings of a type, for the decoder.
func (a *Authenticator) Variant(kind string) (any, error) {
	switch kind {
	case "token":
		a.Token = new(authn.TokenSettings)
		return a.Token, nil
	case "jwt":
		a.JWT = new(authn.JWTSettings)
		return a.JWT, nil
	case "introspection":
		a.Introspection = new(authn.IntrospectionSettings)
		return a.Introspection, nil
	case "profile":
		a.Profile = new(authn.ProfileSettings)
		return a.Profile, nil
	case "signature":
		a.Signature = new(authn.SignatureSettings)
		return a.Signature, nil
	case "mtls":
		a.MTLS = new(authn.MTLSSettings)
		return a.MTLS, nil
	}
	return nil, fmt.Errorf("%q is no type of authenticator", kind)
}

// Settings are those of an authenticator, whatever its type.
type Settings interface {
	Check(at policy.Path, problems *policy.Problems)
	// Carriers says where the credential may stand, Reads what else of a request is
	// read.
	Carriers() []authn.Carrier
	Reads() []policy.Reference
	// Customer is what names the customer, zero where nothing does.
	Customer() (ref policy.Reference, optional bool)
	// Listed are the credentials or keys that the configuration lists, nil where
	// they come from elsewhere.
	Listed() []keys.Listed
}

// Settings returns those of the type that is set.
func (a Authenticator) Settings() Settings {
	switch {
	case a.Token != nil:
		return a.Token
	case a.JWT != nil:
		return a.JWT
	case a.Signature != nil:
		return a.Signature
	case a.Introspection != nil:
		return a.Introspection
	case a.Profile != nil:
		return a.Profile
	case a.MTLS != nil:
		return a.MTLS
	}
	return unread{}
}

// unread stands for settings whose type could not be read, and for those of
// anonymous.
type unread struct{}

func (unread) Check(policy.Path, *policy.Problems)    {}
func (unread) Carriers() []authn.Carrier              { return nil }
func (unread) Reads() []policy.Reference              { return nil }
func (unread) Customer() (_ policy.Reference, _ bool) { return }
func (unread) Listed() []keys.Listed                  { return nil }

func (c *Config) settings(name string) Settings { return c.Authenticators[name].Settings() }

func (c *Config) carriers(name string) []authn.Carrier { return c.settings(name).Carriers() }
