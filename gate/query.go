package gate

import (
	"iter"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern/policy"
)

// maxParams bounds the parameters of a query or a form. Backends stop reading
// at different numbers, and what is beyond must not hide from a rule.
const maxParams = 1000

// param is one parameter of a query or a form.
type param struct {
	name  string // decoded
	value string // still encoded: most values are never looked at
}

// decoded returns the value of a parameter that [params] yielded.
func (p param) decoded() string {
	value, _ := unescapeParam(p.value)
	return value
}

// params walks a query, or a body of application/x-www-form-urlencoded. It
// ends with an error where backends would read it in different ways: at a
// semicolon (a separator to some) or # (the end to some), a byte that does not
// belong in a URL, invalid percent-encoding, a name that is not UTF-8, and the
// parameter after [maxParams]. It allocates only for names that need decoding.
func params(query string) iter.Seq2[param, error] {
	return func(yield func(param, error) bool) {
		for n := 0; query != ""; n++ {
			if n == maxParams {
				yield(param{}, malformedQuery("has too many parameters"))
				return
			}
			var text string
			text, query, _ = strings.Cut(query, "&")
			if text == "" {
				continue
			}
			p, err := parseParam(text)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func parseParam(text string) (param, error) {
	ordinary := true // ASCII, and nothing of it stands for something else
	for _, c := range []byte(text) {
		switch {
		case isPlain(c):
		case c <= ' ' || c == 0x7f || c == ';' || c == '#':
			return param{}, malformedQuery("holds a byte that must be encoded")
		case c == '%' || c == '+' || c >= utf8.RuneSelf:
			ordinary = false
		}
	}
	name, value, _ := strings.Cut(text, "=")
	if ordinary {
		return param{name, value}, nil
	}
	name, ok := unescapeParam(name)
	switch {
	case !ok || !validEscapes(value):
		return param{}, malformedQuery("holds invalid percent-encoding")
	case !utf8.ValidString(name):
		return param{}, malformedQuery("holds a name that is not UTF-8")
	}
	return param{name, value}, nil
}

func unescapeParam(s string) (unescaped string, ok bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, true
	}
	unescaped, err := url.QueryUnescape(s)
	return unescaped, err == nil
}

func validEscapes(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if _, ok := escapeAt(s, i); !ok {
			return false
		}
		i += 2
	}
	return true
}

// checkQuery refuses a query that [params] finds at fault.
func checkQuery(query string) error {
	for _, err := range params(query) {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkQueryAliases refuses a query with a parameter that is an alias of the
// checked one (see [isNameAlias]).
func checkQueryAliases(query, checked string) error {
	for p, err := range params(query) {
		if err != nil {
			return err
		}
		if isNameAlias(p.name, checked) {
			return policy.Denyf(policy.MalformedRequest, "a parameter is another spelling of %s", checked)
		}
	}
	return nil
}

// appendQuery appends the decoded values of every parameter of this name, in
// order.
func appendQuery(list []string, query, name string) ([]string, error) {
	for p, err := range params(query) {
		if err != nil {
			return nil, err
		}
		if p.name == name {
			list = append(list, p.decoded())
		}
	}
	return list, nil
}

// isNameAlias reports whether some backend takes name for checked, or for a part
// or the whole of it, though it is another name: one that ignores case or white
// space around it, ends it at NUL, reads brackets and dots as a way into lists
// and maps, however they are placed, or, as PHP does, turns spaces, dots and
// brackets into _. It judges the decoded names of queries, forms and cookies.
func isNameAlias(name, checked string) bool {
	if name == checked {
		return false
	}
	if isPlainName(name) && isPlainName(checked) {
		return strings.EqualFold(name, checked)
	}
	words, checkedWords := nameWords(name), nameWords(checked)
	flat := strings.Join(checkedWords, "_")
	rest, begins := flat, true
	for n, word := range words { // a map or list of that name, or more
		if n > 0 {
			rest, begins = strings.CutPrefix(rest, "_")
		}
		if begins {
			rest, begins = strings.CutPrefix(rest, word)
		}
		if !begins {
			break
		}
		if rest == "" {
			return true
		}
	}
	// A plain value in place of the map in which the checked one stands.
	return strings.Contains(checked, "[") && len(words) > 0 && len(words) < len(checkedWords) &&
		slices.Equal(words, checkedWords[:len(words)])
}

func isPlainName(name string) bool {
	for _, c := range []byte(name) {
		if c >= utf8.RuneSelf || c <= ' ' || c == '[' || c == ']' || c == '.' {
			return false
		}
	}
	return true
}

// nameWords returns what a name says beside its punctuation, folded.
func nameWords(name string) []string {
	name, _, _ = strings.Cut(name, "\x00")
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' || r == '.' })
	for i, word := range words {
		words[i] = strings.Map(foldNameRune, strings.TrimSpace(word))
	}
	return slices.DeleteFunc(words, func(word string) bool { return word == "" })
}

func foldNameRune(r rune) rune {
	if unicode.IsSpace(r) {
		return '_'
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func malformedQuery(fault string) error {
	return policy.Deny(policy.MalformedRequest, "the query "+fault)
}
