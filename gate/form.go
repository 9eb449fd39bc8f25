package gate

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern/policy"
)

// checkForm refuses a form that backends read in different ways.
func checkForm(form string, read []string) error {
	if strings.HasPrefix(form, byteOrderMark) {
		return errForm
	}
	for p, err := range params(form) {
		if err != nil || !utf8.ValidString(p.decoded()) {
			return errForm
		}
		for _, name := range read {
			if isNameAlias(p.name, name) {
				return policy.Denyf(policy.MalformedRequest, "a name of the form is another spelling of %s", name)
			}
		}
	}
	return nil
}

// hasFormName reports whether a reader that forgives everything finds one of the
// names in what is no form.
func hasFormName(raw []byte, names []string) bool {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = firstWord(name)
	}
	for text := range bytes.FieldsFuncSeq(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		encoded, _, _ := bytes.Cut(text, []byte("="))
		found := forgivingUnescape(string(encoded))
		for i, name := range names {
			if found == name || mentions(found, words[i]) && isNameAlias(found, name) {
				return true
			}
		}
	}
	return false
}

// firstWord returns the letters and digits that a name begins with, folded; all
// its aliases hold them.
func firstWord(name string) string {
	folded := strings.TrimLeftFunc(strings.Map(foldNameRune, name), notWordRune)
	if end := strings.IndexFunc(folded, notWordRune); end >= 0 {
		return folded[:end]
	}
	return folded
}

func notWordRune(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// mentions reports whether a name can be an alias of one whose first word is
// word: it is cheap, as what is no form has any number of names.
func mentions(name, word string) bool {
	head, _, _ := strings.Cut(name, "\x00")
	if i := strings.IndexAny(head, ".[]"); i > 0 {
		head = head[:i]
	}
	return utf8.ValidString(head) && strings.Contains(strings.Map(foldNameRune, name), word)
}

// forgivingUnescape decodes what is valid percent-encoding and leaves the rest.
func forgivingUnescape(s string) string {
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if b, ok := escapeAt(s, i); ok {
			c, i = b, i+2
		} else if c == '+' {
			c = ' '
		}
		decoded = append(decoded, c)
	}
	return string(decoded)
}

var errForm = policy.Deny(policy.MalformedBody, "the form cannot be read in exactly one way")

// byteOrderMark is skipped by some readers of a form, and part of its first name
// to others.
const byteOrderMark = "\ufeff"
