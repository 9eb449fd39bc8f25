package authn_test

import (
	"net/http"
	"strings"
	"testing"

	"postern/authn"
)

// FuzzCarrierRead compares with the grammar read word by word: a scheme ends at white
// space or with the field, and after one space stands a value of printable ASCII.
func FuzzCarrierRead(f *testing.F) {
	for _, scheme := range []string{"Bearer", "k", ""} {
		for _, field := range []string{
			"", " ", "Bearer", "Bearer ", "Bearer a", "bearer a", "Bearer  a", "Bearer\ta", "Bearer a b", "Bearera", "Bear a", " Bearer a", "Bearer \x7f", "Bearer \u00fc", "Bearer \xff",
			"Bearer a\n", "\u212a a", "K a", "k", "kk a", "Token a", "a", "a b",
		} {
			f.Add(scheme, field)
		}
	}
	f.Fuzz(func(t *testing.T, scheme, field string) {
		if strings.ContainsFunc(scheme, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return // no configuration has it
		}
		value, present, err := authn.Carrier{Header: "Authorization", Scheme: scheme}.Read(http.Header{"Authorization": {field}})
		want, found := field, true
		if scheme != "" {
			word := field
			if end := strings.IndexAny(field, " \t"); end >= 0 {
				word = field[:end]
			}
			found = len(word) == len(scheme) && strings.EqualFold(word, scheme)
			want = strings.TrimPrefix(field[len(word):], " ")
		}
		bad := want == "" || strings.ContainsFunc(want, func(r rune) bool { return r <= ' ' || r >= 0x7f })
		switch {
		case present != found, found && (err != nil) != bad:
			t.Errorf("scheme %q, field %q: present %v, error %v", scheme, field, present, err)
		case found && !bad && value != want:
			t.Errorf("scheme %q, field %q: %q, want %q", scheme, field, value, want)
		}
	})
}
