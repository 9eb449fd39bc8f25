package authn

import (
	"net/http"
	"strings"

	"postern/policy"
)

// Carrier is a place in a request where a credential may stand: exactly one of
// a header, a parameter of the query, a cookie, a subprotocol of a websocket,
// a member of a JSON body, and the connection's certificate. In a header the scheme, where there is one, must
// stand before the value; elsewhere it may.
type Carrier struct {
	Header   string // canonical
	Scheme   string // empty for a bare value
	Query    string
	Cookie   string
	Protocol string // the subprotocol before the credential's, in lower case
	Body     string // a policy.ClaimPath
	// Certificate is for the one that the TLS handshake has verified.
	Certificate bool
}

// Read looks for the credential in a header. present is true where the
// request carries this carrier at all, be it empty or broken; an Authorization
// header with another scheme is not this carrier. The grammar is: scheme, one
// space, one value without white space.
func (c Carrier) Read(h http.Header) (value string, present bool, err error) {
	fields := h[c.Header]
	if len(fields) == 0 {
		return "", false, nil
	}
	if len(fields) > 1 {
		return "", true, c.twice()
	}
	value = fields[0]
	if c.Scheme != "" {
		rest, found := c.cutScheme(value)
		if !found {
			return "", false, nil
		}
		value = strings.TrimPrefix(rest, " ")
	}
	return c.checked(value)
}

// ReadValues takes the credential from what stands where another carrier than a
// header is: nothing, or one value with or without the scheme before it.
func (c Carrier) ReadValues(values []string) (value string, present bool, err error) {
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
	default:
		return "", true, c.twice()
	}
	value = values[0]
	if c.Cookie != "" && c.Scheme != "" {
		value = strings.Replace(value, "%20", " ", 1) // a cookie has no other way to hold the space after a scheme
	}
	if rest, found := c.cutScheme(value); found && c.Scheme != "" && rest != "" {
		value = strings.TrimPrefix(rest, " ")
	}
	return c.checked(value)
}

// cutScheme returns what follows the scheme, white space included.
func (c Carrier) cutScheme(value string) (rest string, found bool) {
	end := len(c.Scheme)
	// The length keeps out what folds to ASCII only in Unicode.
	if len(value) < end || !strings.EqualFold(value[:end], c.Scheme) {
		return "", false
	}
	rest = value[end:]
	return rest, rest == "" || rest[0] == ' ' || rest[0] == '\t'
}

func (c Carrier) checked(value string) (string, bool, error) {
	if value == "" || !isCredential(value) {
		return "", true, policy.Denyf(policy.MalformedCredential, "%s wants %s", c, c.grammar())
	}
	return value, true, nil
}

func (c Carrier) twice() error {
	return policy.Denyf(policy.MalformedRequest, "%s is sent more than once", c)
}

// String names the place.
func (c Carrier) String() string {
	switch {
	case c.Query != "":
		return "the parameter " + c.Query
	case c.Cookie != "":
		return "the cookie " + c.Cookie
	case c.Protocol != "":
		return "the subprotocol after " + c.Protocol
	case c.Body != "":
		return "the body's " + c.Body
	case c.Certificate:
		return "the client's certificate"
	}
	return c.Header
}

func (c Carrier) grammar() string {
	if c.Scheme == "" || c.Header == "" {
		return "one value without white space"
	}
	return "the scheme " + c.Scheme + ", one space and one value without white space"
}

// isCredential reports whether every byte may stand in a credential. It looks at
// bytes, as none of a longer rune may: a token is long, and decoding it costs.
func isCredential(value string) bool {
	for i := range len(value) {
		if notCredentialByte(rune(value[i])) {
			return false
		}
	}
	return true
}

func notCredentialByte(r rune) bool { return r <= ' ' || r >= 0x7f }

// Overlaps reports whether one and the same part of a request could be read as
// either carrier.
func (c Carrier) Overlaps(o Carrier) bool {
	if c.Header == "" || o.Header == "" {
		c.Scheme, o.Scheme = "", ""
		return c == o
	}
	return c.Header == o.Header && (c.Scheme == "" || o.Scheme == "" || strings.EqualFold(c.Scheme, o.Scheme))
}
