package gate

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"postern/policy"
)

// FuzzQuery checks that a query that passes is one that net/url reads without
// an error and with the same values, and that none of its names would be the
// checked one to a backend that is careless about names.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "id=1", "id=1&id=2&a=+%20", "i%64=1&ID=2", "id[]=1&id.x=2", "a=1;id=2", "id=%zz", "id%00x=1", "+id=1", "&&=&id", "i\u0130d=1", "a#id=1",
	} {
		f.Add(seed, "id")
	}
	f.Add("User.Id=1", "user_id")
	f.Add("ids=1", "ids[]")
	f.Fuzz(func(t *testing.T, query, checked string) {
		got, err := appendQuery(nil, query, checked)
		if again := checkQuery(query); !cmp.Equal(err, again) {
			t.Errorf("appendQuery says %v, checkQuery %v", err, again)
		}
		if err != nil {
			if policy.ReasonOf(err) != policy.MalformedRequest {
				t.Errorf("refused for %v", err)
			}
			return
		}
		want, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("net/url refuses: %v", err)
		}
		if diff := cmp.Diff(want[checked], got, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		if strings.Trim(checked, " .[]") == "" || strings.ContainsFunc(checked, unicode.IsControl) || strings.TrimSpace(checked) != checked {
			return // no name that a configuration holds
		}
		if checkQueryAliases(query, checked) != nil {
			return
		}
		for name := range want {
			if name == checked {
				continue
			}
			cut := name
			if i := strings.IndexAny(name, "[.\x00"); i >= 0 {
				cut = name[:i]
			}
			php := strings.NewReplacer(" ", "_", ".", "_", "[", "_").Replace(strings.TrimLeft(name, " "))
			for _, reading := range []string{cut, php, strings.TrimSpace(name)} {
				if strings.EqualFold(reading, checked) {
					t.Errorf("%q may be read as %q", name, checked)
				}
			}
		}
	})
}
