package policy

import (
	"fmt"
	"net/http"
	"strings"
)

// Source is the kind of thing that a [Reference] names.
type Source uint8

// The sources: first what an identity has, then what a request carries.
const (
	SourceNone Source = iota
	CustomerID
	LevelName
	AuthenticatorName
	Issuer
	Tenant
	ExpiresAt
	TokenID
	OpaqueID
	Claim
	Attribute
	KeyMember
	Profile
	Certificate

	PathValue
	QueryParameter
	HeaderField
	Cookie
	Body
	Host
	Method
	RequestID
)

// operand says what must follow a source's name.
type operand uint8

const (
	noOperand operand = iota
	nameOperand
	pathOperand
)

var sources = map[string]struct {
	source  Source
	operand operand
}{
	"customer_id":   {CustomerID, noOperand},
	"level":         {LevelName, noOperand},
	"authenticator": {AuthenticatorName, noOperand},
	"issuer":        {Issuer, noOperand},
	"tenant":        {Tenant, noOperand},
	"expires_at":    {ExpiresAt, noOperand},
	"token_id":      {TokenID, noOperand},
	"opaque_id":     {OpaqueID, noOperand},
	"claims":        {Claim, pathOperand},
	"attributes":    {Attribute, nameOperand},
	"key":           {KeyMember, pathOperand},
	"profile":       {Profile, pathOperand},
	"certificate":   {Certificate, pathOperand},
	"path":          {PathValue, nameOperand},
	"query":         {QueryParameter, nameOperand},
	"header":        {HeaderField, nameOperand},
	"cookie":        {Cookie, nameOperand},
	"body":          {Body, pathOperand},
	"host":          {Host, noOperand},
	"method":        {Method, noOperand},
	"request_id":    {RequestID, noOperand},
}

// serverHeaders are fields that net/http takes out of a request's header map;
// a rule on one would see nothing.
var serverHeaders = map[string]string{
	"Host":              "use the reference host",
	"Content-Length":    "it is the server's own",
	"Transfer-Encoding": "it is the server's own",
	"Trailer":           "it is the server's own",
	"Cookie":            "use cookie.<name>",
}

// Reference names a part of the identity or of the request, such as
// claims.sub or query.customer. It is immutable.
type Reference struct {
	Source Source
	// Name is the wildcard, parameter, header (in canonical form), cookie or
	// attribute; empty for other sources.
	Name string
	// Path leads to the claim, the member of the key or the profile, or the part of
	// the certificate or the body; zero for other sources.
	Path ClaimPath
	text string
}

// ParseReference reads a reference of the configuration.
func ParseReference(text string) (Reference, error) {
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	word, rest := text[:end], strings.TrimPrefix(text[end:], ".")
	known, ok := sources[word]
	if !ok {
		return Reference{}, fmt.Errorf("%q is no reference: there is no %q", text, word)
	}
	ref := Reference{Source: known.source, text: text}
	if known.operand == noOperand {
		if end != len(text) {
			return Reference{}, fmt.Errorf("%q: nothing may follow %s", text, word)
		}
		return ref, nil
	}
	parse := ParseClaimPath
	if known.source == Body {
		parse = parsePath // a body may be a list
	}
	path, err := parse(rest)
	if err != nil {
		return Reference{}, fmt.Errorf("%q: %s wants a name after it: %w", text, word, err)
	}
	if known.source == Certificate {
		if err := checkCertificatePath(path); err != nil {
			return Reference{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	if known.operand == pathOperand {
		ref.Path = path
		return ref, nil
	}
	if len(path.steps) != 1 {
		return Reference{}, fmt.Errorf("%q: %s takes one name; quote a name with a dot, as %s[\"a.b\"]", text, word, word)
	}
	ref.Name = path.steps[0].key
	if ref.Source == HeaderField {
		if ref.Name = http.CanonicalHeaderKey(ref.Name); CanonicalAlias(ref.Name) != ref.Name {
			return Reference{}, fmt.Errorf("%q: use letters, digits and hyphens only in a header's name, since backends read other names alike", text)
		}
		if why, taken := serverHeaders[ref.Name]; taken {
			return Reference{}, fmt.Errorf("%q cannot be read as a header: %s", text, why)
		}
	}
	return ref, nil
}

// String returns the reference as it was written.
func (r Reference) String() string { return r.text }

// IsZero reports whether no reference was written.
func (r Reference) IsZero() bool { return r.Source == SourceNone }

// OfIdentity reports whether the reference names a part of the identity.
func (r Reference) OfIdentity() bool { return r.Source >= CustomerID && r.Source < PathValue }

// OfRequest reports whether the reference names a part of the request.
func (r Reference) OfRequest() bool { return r.Source >= PathValue }

// Leaf returns the last name of the reference, such as email of
// claims.contacts[0].email; "" where it has none.
func (r Reference) Leaf() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Path.leaf()
}

// Same reports whether both references name the same.
func (r Reference) Same(o Reference) bool {
	return r.Source == o.Source && r.Name == o.Name && r.Path.text == o.Path.text
}

// UnmarshalText reads the reference from a configuration.
func (r *Reference) UnmarshalText(text []byte) error {
	parsed, err := ParseReference(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}
