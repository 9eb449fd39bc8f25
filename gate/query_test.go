package gate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestAppendQuery(t *testing.T) {
	for query, want := range map[string][]string{
		"":                           nil,
		"a=1":                        nil,
		"id":                         {""},
		"id=":                        {""},
		"id=1":                       {"1"},
		"id=1&id=2&a=3&id=1":         {"1", "2", "1"},
		"&&id=1&":                    {"1"},
		"%69d=1&i%64=2":              {"1", "2"},
		"id=a+b%20c%2B&id=%26%3d%3B": {"a b c+", "&=;"},
		"id=a=b==":                   {"a=b=="},
		"id=%00%ff":                  {"\x00\xff"},
		"id=gr\u00fcn":               {"gr\u00fcn"},
		"=1&=&+id=2":                 nil,
	} {
		got, err := appendQuery(nil, query, "id")
		if err != nil {
			t.Errorf("%q: %v", query, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
}

func TestCheckQuery(t *testing.T) {
	const (
		accepted = ""
		raw      = "the query holds a byte that must be encoded"
		encoding = "the query holds invalid percent-encoding"
		name     = "the query holds a name that is not UTF-8"
		many     = "the query has too many parameters"
	)
	for query, want := range map[string]string{
		"":                                    accepted,
		"a=b&c=%7B%7d&d=x/y?z:@!$'()*,":       accepted,
		"q=caf%e9":                            accepted,
		"caf%c3%a9=1":                         accepted,
		"a%00=b%0d%0a":                        accepted,
		strings.Repeat("a=1&", maxParams):     accepted,
		strings.Repeat("a&", maxParams) + "a": many,
		strings.Repeat("&", maxParams) + "a":  many,
		"a=1;b=2":                             raw,
		"a;b":                                 raw,
		"a=1&b=2;":                            raw,
		"a=b c":                               raw,
		"a=\x00":                              raw,
		"a=b\r\nc":                            raw,
		"a\x7f=b":                             raw,
		"a=1#&id=2":                           raw,
		"a=%":                                 encoding,
		"a=%2":                                encoding,
		"a=%zz&b=1":                           encoding,
		"%=a":                                 encoding,
		"a=1&b%g0=1":                          encoding,
		"a=%u0041":                            encoding,
		"%ff=1":                               name,
		"i\xffd=1":                            name,
		"%c0%a9d=1":                           name,
	} {
		err := checkQuery(query)
		if want == accepted {
			if err != nil {
				t.Errorf("%.40q: %v", query, err)
			}
			continue
		}
		if d := policy.AsDenial(err); d == nil || d.Reason != policy.MalformedRequest || d.Detail != want {
			t.Errorf("%.40q: got %v, want %s", query, err, want)
		}
		if _, got := appendQuery(nil, query, "id"); !cmp.Equal(got, err) {
			t.Errorf("%.40q: appendQuery says %v", query, got)
		}
		if got := checkQueryAliases(query, "id"); !cmp.Equal(got, err) {
			t.Errorf("%.40q: checkQueryAliases says %v", query, got)
		}
	}
}

func TestIsNameAlias(t *testing.T) {
	for checked, names := range map[string]struct{ aliases, others []string }{
		"user_id": {
			aliases: []string{
				"User_Id", "USER_ID", "u\u017fer_id",
				"user_id[]", "user_id[0]", "user_id[a][b]", "user_id[", "User_ID[x]", "user_id.", "user_id.x", "user_id .x",
				" user_id", "user_id ", "\tuser_id\n", "\u00a0user_id",
				"user.id", "user id", "user[id", "  USER.ID[]", "user.id.x",
				"user_id]", "[user_id]", "]user_id", "[[user_id", "[]user_id", "user_id\x00", "user_id\x00x", "user.id[\x00]", " user_id \x00",
			},
			others: []string{
				"user_id", "", "user", "user_", "userid", "user-id", "user_ids", "user_id_x", "user_id-x", "xuser_id", "user__id", "user\x00_id", "x[user_id]", "_user_id",
			},
		},
		"kid": {
			aliases: []string{"\u212Aid", "KID", "k\u0130d"},
			others:  []string{"kid", "kids", "k"},
		},
		"user.id": {
			aliases: []string{"user_id", "user.ID", "user.id[0]", "user[id"},
			others:  []string{"user.id", "user", "user.name", "userid"},
		},
		"filter[customer]": {
			aliases: []string{"filter", "filter[customer]junk", "filter[customer", "[filter][customer]", "filter.customer", "Filter[customer]", "filter[customer][]"},
			others:  []string{"filter[customer]", "filter[other]", "customer", "filters"},
		},
		"ids[]": {
			aliases: []string{"ids", "ids[0]", "IDS[]", "ids.0", "ids[][x]"},
			others:  []string{"ids[]", "id", "idsx"},
		},
	} {
		for _, name := range names.aliases {
			if !isNameAlias(name, checked) {
				t.Errorf("%q is no alias of %q", name, checked)
			}
		}
		for _, name := range names.others {
			if isNameAlias(name, checked) {
				t.Errorf("%q is an alias of %q", name, checked)
			}
		}
	}
}

func TestCheckQueryAliases(t *testing.T) {
	for query, refused := range map[string]bool{
		"":                      false,
		"user_id=1&user_id=2":   false,
		"user_%69d=1&x=user.id": false,
		"user_id=1&User_id=2":   true,
		"user_id=1&user%5Fid[]": true,
		"user.id=1":             true,
		"a=1&+user%00_id=1":     false,
		"a=1&+user_id%00x=1":    true,
	} {
		err := checkQueryAliases(query, "user_id")
		want := error(nil)
		if refused {
			want = policy.Deny(policy.MalformedRequest, "a parameter is another spelling of user_id")
		}
		if diff := cmp.Diff(want, err); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
}

func TestQueryDoesNotAllocate(t *testing.T) {
	const query = "project_id=6f1d2a&customer_id=c-42&q=a%20b&page=3"
	list := make([]string, 0, 1)
	allocs := testing.AllocsPerRun(100, func() {
		if checkQuery(query) != nil || checkQueryAliases(query, "customer_id") != nil {
			t.Error("refused")
		}
		if values, err := appendQuery(list, query, "customer_id"); err != nil || len(values) != 1 {
			t.Error("not found")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkCheckQuery(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := checkQuery("project_id=6f1d2a&customer_id=c-42&q=a%20b&page=3"); err != nil {
			b.Fatal(err)
		}
	}
}
