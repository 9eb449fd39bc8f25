package authn

import (
	"encoding/base64"
	"strings"

	"postern/policy"
)

// maxKeyID bounds a kid, which is looked up and remembered before anything is
// verified.
const maxKeyID = 256

// jws is a token in the compact serialization (RFC 7515, section 7.1), taken
// apart but not verified.
type jws struct {
	*jwsHeader
	claims       map[string]any
	payloadLen   int
	signingInput string
	signature    []byte
}

// jwsHeader is what is read of a header. Members that could steer verification
// (jku, jwk, x5u, x5c) are not. It is immutable.
type jwsHeader struct {
	encoded               string
	algorithm, keyID, typ string
}

// parseJWS takes a token apart, once. It is stricter than the RFC asks where
// parsers disagree: no padding, no white space, no unused bits in base64url, no
// duplicate members. The header is known where it is that of an earlier token;
// nil for none.
func parseJWS(token string, known *jwsHeader) (*jws, error) {
	if strings.Count(token, ".") != 2 {
		return nil, malformed("a JWT has three parts")
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	t := &jws{jwsHeader: known, signingInput: token[:last], payloadLen: base64.RawURLEncoding.DecodedLen(last - first)}
	var err error
	if known == nil || known.encoded != token[:first] {
		if t.jwsHeader, err = parseHeader(token[:first]); err != nil {
			return nil, err
		}
	}
	if t.signature, err = decodePart(token[last+1:]); err != nil {
		return nil, malformed("the signature cannot be read")
	}
	if t.claims, err = parsePart(token[first+1 : last]); err != nil {
		return nil, malformed("the claims cannot be read")
	}
	return t, nil
}

func parseHeader(encoded string) (*jwsHeader, error) {
	header, err := parsePart(encoded)
	if err != nil {
		return nil, malformed("the header cannot be read")
	}
	// Extensions that must be understood (RFC 7515, section 4.1.11): none are.
	if _, critical := header["crit"]; critical {
		return nil, malformed("the header asks for an extension")
	}
	h := &jwsHeader{encoded: strings.Clone(encoded)} // it must not pin the request's header buffer
	var ok bool
	if h.algorithm, ok = header["alg"].(string); !ok {
		return nil, malformed("the header names no algorithm")
	}
	if h.keyID, ok = optionalString(header, "kid"); !ok || len(h.keyID) > maxKeyID {
		return nil, malformed("the kid cannot be read")
	}
	if h.typ, ok = optionalString(header, "typ"); !ok {
		return nil, malformed("the typ cannot be read")
	}
	return h, nil
}

// Unverified is what a credential says of itself, which chooses who verifies it
// and nothing else.
type Unverified struct {
	// JWS says that it is a well-formed JWT.
	JWS           bool
	Issuer, KeyID string

	token *jws // nil for anything else
}

// Inspect looks at a credential without verifying it. One that is longer than so
// many bytes is not taken apart: no authenticator would take it for a JWT.
func Inspect(credential string, limit int) Unverified {
	if len(credential) > limit {
		return Unverified{}
	}
	t, err := parseJWS(credential, nil)
	if err != nil {
		return Unverified{}
	}
	issuer, _ := t.claims["iss"].(string)
	return Unverified{JWS: true, Issuer: issuer, KeyID: t.keyID, token: t}
}

func malformed(detail string) error { return policy.Deny(policy.MalformedCredential, detail) }

func parsePart(part string) (map[string]any, error) {
	decoded, err := decodePart(part)
	if err != nil {
		return nil, err
	}
	return policy.ParseObject(decoded)
}

var strictBase64 = base64.RawURLEncoding.Strict()

func decodePart(part string) ([]byte, error) {
	// encoding/base64 skips line breaks, even where it is strict.
	if i := max(strings.IndexByte(part, '\r'), strings.IndexByte(part, '\n')); i >= 0 {
		return nil, base64.CorruptInputError(i)
	}
	return strictBase64.DecodeString(part)
}

// optionalString returns a member that is a string or is not there.
func optionalString(object map[string]any, name string) (string, bool) {
	value, present := object[name]
	if !present {
		return "", true
	}
	s, ok := value.(string)
	return s, ok
}
