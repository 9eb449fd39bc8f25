package policy_test

import (
	"net/http"
	"strings"
	"testing"

	"postern/policy"
)

// FuzzCanonicalAlias compares with what nobody has to be told to be right: every byte
// or rune that is no letter, digit or hyphen of ASCII counts as a hyphen.
func FuzzCanonicalAlias(f *testing.F) {
	for _, seed := range []string{
		"", "-", "A", "a", "X-Customer-Id", "x-customer-id", "X_Customer_Id", "X-CustomerId", "X--A", "X-1a", "X-1A", "1-a", "-a", "-A", "A-", "Www-Authenticate", "WWW-Authenticate",
		"Postern-Reason", "postern_reason", "POSTERN-", "Postern", "Posterns", "Postern\u00fc", "Po\u017ftern-A", "Postern-\xff", "poster\u212a-", "X K", "\u212a", "\xff\xfe", "A\x00b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		want := http.CanonicalHeaderKey(strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
				return r
			}
			return '-'
		}, name))
		if got := policy.CanonicalAlias(name); got != want {
			t.Errorf("%q could be read as %q, want %q", name, got, want)
		}
		if got, want := policy.IsOwnHeader(name), strings.HasPrefix(want, "Postern-"); got != want {
			t.Errorf("%q is our own: %v, want %v", name, got, want)
		}
	})
}
