package authn

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"postern/policy"
)

// The values of [TokenSettings.Basic].
const (
	basicUser = "user"
	basicPair = "pair"
)

// digest returns the SHA-256 of the token in a credential.
func (t *Token) digest(credential string) ([sha256.Size]byte, error) {
	if t.basic == "" {
		var room [128]byte // for most of them, so that nothing is allocated
		return sha256.Sum256(append(room[:0], credential...)), nil
	}
	user, pair, err := parseBasic(credential)
	if t.basic == basicUser {
		return sha256.Sum256(user), err
	}
	return sha256.Sum256(pair), err
}

// Credential returns what a request carries for a token: the token itself, or with
// the scheme Basic the base64 of user:password, whose password is empty where only
// the user is the token.
func (s *TokenSettings) Credential(token string) string {
	switch s.Basic {
	case "":
		return token
	case basicUser:
		token += ":"
	}
	return base64.StdEncoding.EncodeToString([]byte(token))
}

// parseBasic decodes a Basic credential (RFC 7617, section 2): the base64 of a
// user without a colon, a colon, and a password, without control characters.
func parseBasic(credential string) (user, pair []byte, err error) {
	// encoding/base64 skips line breaks, even where it is strict.
	if strings.ContainsAny(credential, "\r\n") {
		return nil, nil, malformed("Basic wants the base64 of user:password")
	}
	pair, err = base64.StdEncoding.Strict().DecodeString(credential)
	if err != nil {
		return nil, nil, malformed("Basic wants the base64 of user:password")
	}
	user, _, found := bytes.Cut(pair, []byte(":"))
	if !found || bytes.ContainsFunc(pair, isControl) {
		return nil, nil, malformed("Basic wants user:password without control characters")
	}
	return user, pair, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// checkBasic: the scheme Basic and the setting come together. Without it the
// tokens would have to be written as their own base64, with it the credentials of
// another scheme would have to be base64.
func (s *TokenSettings) checkBasic(at policy.Path, problems *policy.Problems) {
	for _, c := range s.Carriers() {
		switch isBasic := strings.EqualFold(c.Scheme, "Basic"); {
		case isBasic && s.Basic == "":
			problems.Addf(at, "basic is missing: the scheme Basic carries user:password, of which a token is the user or the pair")
		case !isBasic && s.Basic != "":
			problems.Addf(at.At("basic"), "%s has not the scheme Basic", c)
		}
	}
}
