package anatomy

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Anatomy is what can be read of a token.
type Anatomy struct {
	// Header and Claims are JSON as it stands in the token, but for its layout; "" for
	// what cannot be read.
	Header, Claims string
	// SignatureBytes is the length of the signature, which is not shown.
	SignatureBytes int
	// Times are iat, nbf and exp, as far as they are there.
	Times []Moment
	// Problems are sentences.
	Problems []string

	header, claims map[string]any
	now            time.Time
}

// Moment is a time claim.
type Moment struct {
	Name string
	At   time.Time
	// Relative is its distance from now, such as "3m ago".
	Relative string
}

// Dissect takes a token apart, and looks at its times as of now.
func Dissect(token string, now time.Time) *Anatomy {
	a := &Anatomy{now: now}
	token = a.unwrap(token)
	parts := strings.Split(token, ".")
	switch {
	case len(parts) == 5:
		a.problemf("it is encrypted (a JWE, RFC 7516), and only signed tokens are taken")
		parts = parts[:1]
	case len(parts) != 3:
		a.problemf("it is no JWT: it has %d parts between dots, and not 3; an opaque token says nothing by itself", len(parts))
		return a
	}
	a.Header, a.header = a.object("header", parts[0])
	if len(parts) == 1 {
		return a
	}
	a.Claims, a.claims = a.object("payload", parts[1])
	signature := a.decode("signature", parts[2])
	a.SignatureBytes = len(signature)
	a.checkHeader()
	a.checkSignature(signature)
	a.checkTimes()
	a.checkClaims()
	return a
}

func (a *Anatomy) problemf(format string, operands ...any) {
	a.Problems = append(a.Problems, fmt.Sprintf(format, operands...))
}

// unwrap takes away what is not of the token itself.
func (a *Anatomy) unwrap(token string) string {
	if len(token) > 1 && (token[0] == '"' || token[0] == '\'') && token[len(token)-1] == token[0] {
		a.problemf("it stands in quotes, which are not part of a token")
		token = token[1 : len(token)-1]
	}
	scheme, rest, found := strings.Cut(token, " ")
	if found && !strings.Contains(scheme, ".") {
		a.problemf("it begins with a word and a space: the scheme stands in the header before the token, and is not part of it")
		token = strings.TrimSpace(rest)
	}
	if strings.ContainsFunc(token, unicode.IsSpace) {
		a.problemf("it holds white space or a line break, as where a token is copied from a narrow window")
		token = strings.Join(strings.Fields(token), "")
	}
	return token
}
