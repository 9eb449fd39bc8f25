package authn

import (
	"bytes"

	"postern/keys"
	"postern/policy"
)

// checkValue reports a token that no request can carry. Of a digest that cannot be
// known.
func (s *TokenSettings) checkValue(v keys.Value, load keys.Loader, at policy.Path, problems *policy.Problems) {
	if v.SHA256 != "" {
		return
	}
	secret, err := load.Secret(v)
	if err != nil {
		return // which is reported already
	}
	switch colon := bytes.ContainsRune(secret, ':'); {
	case s.Basic == "" && bytes.ContainsFunc(secret, notCredentialByte):
		problems.Addf(at, "holds white space or a byte that is not printable ASCII, which no credential can")
	case s.Basic != "" && bytes.ContainsFunc(secret, isControl):
		problems.Addf(at, "holds a control character, which no user:password can")
	case colon && s.Basic == basicUser:
		problems.Addf(at, "holds a colon, which no user can: basic: pair compares user:password")
	case !colon && s.Basic == basicPair:
		problems.Addf(at, "wants user:password")
	}
}
