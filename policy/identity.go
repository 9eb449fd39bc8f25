package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Level is how much an identity says about who is speaking. Levels are ordered.
type Level uint8

// The levels, from the least to the most.
const (
	Anonymous Level = iota
	Application
	Customer
)

var levelNames = [...]string{"anonymous", "application", "customer"}

// String returns the level's name in configuration, headers and logs.
func (l Level) String() string { return levelNames[l] }

// UnmarshalText reads a level by its name.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range levelNames {
		if name == string(text) {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no level: use anonymous, application or customer", text)
}

// Identity is what a verified credential says. It is immutable once made, and
// requests that carry the same token share it.
type Identity struct {
	Level Level
	// Customer is the customer id: a string, a json.Number, or an object of
	// ids (map[string]any); nil below level customer.
	Customer any
	// Claims are the token's, nil for other credentials.
	Claims map[string]any
	// Profile is what the customer's profile API answered, nil where it was not
	// asked for the identity.
	Profile map[string]any
	// Certificate is what the client's certificate says, nil without one.
	Certificate map[string]any
	// Key is what the key that verified the credential says of itself, never its
	// material: the members of a JWK, or its id alone as kid.
	Key map[string]any
	// Attributes come from the configuration of the token or key.
	Attributes map[string]string
	// Authenticator is the configured name of what verified the credential.
	Authenticator string
	Issuer        string
	Tenant        string
	TokenID       string
	// CredentialID is the configured id of the token or secret, the id of the
	// verifying key, or the fingerprint of a certificate.
	CredentialID string
	// ExpiresAt is the zero time for a credential without an end.
	ExpiresAt time.Time
}

// Resolve returns what an identity reference names. ok is false where the
// identity has no such part, as of an opaque id, which it takes a key to make.
func (i *Identity) Resolve(ref Reference) (value any, ok bool) {
	switch ref.Source {
	case CustomerID:
		return i.Customer, i.Customer != nil
	case LevelName:
		return i.Level.String(), true
	case AuthenticatorName:
		return text(i.Authenticator)
	case Issuer:
		return text(i.Issuer)
	case Tenant:
		return text(i.Tenant)
	case TokenID:
		return text(i.TokenID)
	case ExpiresAt:
		if i.ExpiresAt.IsZero() {
			return nil, false
		}
		return strconv.FormatInt(i.ExpiresAt.Unix(), 10), true
	case Claim:
		return ref.Path.Lookup(i.Claims)
	case KeyMember:
		return ref.Path.Lookup(i.Key)
	case Profile:
		return ref.Path.Lookup(i.Profile)
	case Certificate:
		return ref.Path.Lookup(i.Certificate)
	case Attribute:
		value, ok := i.Attributes[ref.Name]
		return value, ok
	}
	return nil, false
}

func text(s string) (any, bool) { return s, s != "" }

// IDText returns the text by which an id that is no object is compared: a string
// itself, the digits of an integer, and "", which names nobody, for all else.
func IDText(id any) string {
	if number, ok := id.(json.Number); ok && isInteger(string(number)) {
		return string(number)
	}
	text, _ := id.(string)
	return text
}

// Subject returns the customer id as one text: a string as it is, the digits of an
// integer, an object of ids as canonical JSON (RFC 8785). ok is false where there
// is none, or where it is not in UTF-8, so that no JSON could tell it from others.
func (i *Identity) Subject() (text string, ok bool) {
	switch id := i.Customer.(type) {
	case nil:
		return "", false
	case map[string]any:
		return canonicalJSON(id) // it was JSON, and so it is in UTF-8
	default:
		text = IDText(id)
		return text, utf8.ValidString(text)
	}
}

// AsCustomer returns value where it can name a customer: a non-empty string, an
// integer, or an object of ids, each of them one of the two.
func AsCustomer(value any) (any, bool) {
	ids, isObject := value.(map[string]any)
	if !isObject {
		return value, IDText(value) != ""
	}
	for _, id := range ids {
		if IDText(id) == "" {
			return nil, false
		}
	}
	return ids, len(ids) > 0
}
