package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestClaimPath(t *testing.T) {
	object, err := policy.ParseObject([]byte(`{
		"sub": "ann", "null": null, "zero": 0, "no": false, "empty": "", "with-dash": 1, "$ref_1": 2,
		"identity": {"external_id": "x", "deep": {"er": [10, [20, 21]]}},
		"items": [{"id": "a"}, {"other": 1}, {"id": "b"}, {"id": null}, "text"],
		"none": [], "https://example.com/roles": ["admin"], "a.b": {"c]\"": 3}, "0": "key"
	}`))
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) any { return json.Number(s) }
	type outcome struct {
		Value     any
		Ok, Holds bool
	}
	for text, want := range map[string]outcome{
		"sub":                              {"ann", true, true},
		"zero":                             {number("0"), true, true},
		"no":                               {false, true, true},
		"empty":                            {"", true, true},
		"with-dash":                        {number("1"), true, true},
		"$ref_1":                           {number("2"), true, true},
		"0":                                {"key", true, true},
		`["sub"]`:                          {"ann", true, true},
		"identity.external_id":             {"x", true, true},
		`identity["external_id"]`:          {"x", true, true},
		"identity.deep.er[0]":              {number("10"), true, true},
		"identity.deep.er[1][1]":           {number("21"), true, true},
		`["https://example.com/roles"][0]`: {"admin", true, true},
		`["a.b"]["c]\""]`:                  {number("3"), true, true},
		"items[0].id":                      {"a", true, true},
		"items[*].id":                      {[]any{"a", "b", nil}, true, true},
		"identity.deep.er[*]":              {[]any{number("10"), []any{number("20"), number("21")}}, true, true},
		"identity.deep.er[1][*]":           {[]any{number("20"), number("21")}, true, true},
		"null":                             {nil, false, true}, // there, and yet missing
		"items[3].id":                      {nil, false, true},
		"absent":                           {nil, false, false},
		"Sub":                              {nil, false, false},
		"sub.more":                         {nil, false, false},
		"sub[0]":                           {nil, false, false},
		"null.more":                        {nil, false, false},
		"identity[0]":                      {nil, false, false},
		"items.id":                         {nil, false, false},
		"items[5]":                         {nil, false, false},
		"items[65535]":                     {nil, false, false},
		"none[0]":                          {nil, false, false},
		"none[*]":                          {nil, false, false},
		"items[*].absent":                  {nil, false, false},
		"a.b":                              {nil, false, false},
		"identity.deep.er[0][*]":           {nil, false, false},
	} {
		path, err := policy.ParseClaimPath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := outcome{Holds: path.Holds(object)}
		got.Value, got.Ok = path.Lookup(object)
		if diff := cmp.Diff(want, got); diff != "" || path.String() != text {
			t.Errorf("%s (as %s): %s", text, path, diff)
		}
	}
}

func TestClaimPathErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                  `the path is empty`,
		".":                 `".": holds an empty name`,
		".sub":              `".sub": holds an empty name`,
		"a.":                `"a.": holds an empty name`,
		"a..b":              `"a..b": holds an empty name`,
		"a.[0]":             `"a.[0]": holds an empty name`,
		"a[0]b":             `"a[0]b": wants a dot or a bracket before "b"`,
		`["a"]b`:            `"[\"a\"]b": wants a dot or a bracket before "b"`,
		"[0]":               `"[0]": starts with an index, but is looked up in an object`,
		"[*].a":             `"[*].a": starts with an index, but is looked up in an object`,
		"a/b":               `"a/b": a name with '/' must be quoted, as ["the whole name"]`,
		"a b":               `"a b": a name with ' ' must be quoted, as ["the whole name"]`,
		"{a}":               `"{a}": a name with '{' must be quoted, as ["the whole name"]`,
		"a]":                `"a]": a name with ']' must be quoted, as ["the whole name"]`,
		"a*":                `"a*": a name with '*' must be quoted, as ["the whole name"]`,
		"a[":                `"a[": holds a [ without ]`,
		"a[0":               `"a[0": holds a [ without ]`,
		"a[]":               `"a[]": [] is no index: use [0], [*] or ["name"]`,
		"a[b]":              `"a[b]": [b] is no index: use [0], [*] or ["name"]`,
		"a[-1]":             `"a[-1]": [-1] is no index: use [0], [*] or ["name"]`,
		"a[+1]":             `"a[+1]": [+1] is no index: use [0], [*] or ["name"]`,
		"a[1.5]":            `"a[1.5]": [1.5] is no index: use [0], [*] or ["name"]`,
		"a[65536]":          `"a[65536]": [65536] is no index: use [0], [*] or ["name"]`,
		"a['b']":            `"a['b']": ['b'] is no index: use [0], [*] or ["name"]`,
		`["a`:               `"[\"a": holds a quoted name without its end`,
		`["a\q"]`:           `"[\"a\\q\"]": holds a quoted name without its end`,
		`["a"`:              `"[\"a\"": wants ] after a quoted name`,
		`["a"x]`:            `"[\"a\"x]": wants ] after a quoted name`,
		`[""]`:              `"[\"\"]": holds a quoted name that cannot be read`,
		"a.b\tc":            `"a.b\tc": a name with '\t' must be quoted, as ["the whole name"]`,
		`claims["a"].["b"]`: `"claims[\"a\"].[\"b\"]": holds an empty name`,
	} {
		_, err := policy.ParseClaimPath(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestClaimPathUnmarshalText(t *testing.T) {
	var path policy.ClaimPath
	if err := path.UnmarshalText([]byte("a.b")); err != nil || path.String() != "a.b" {
		t.Errorf("%s, %v", path, err)
	}
	if err := path.UnmarshalText([]byte("a b")); err == nil || path.String() != "a.b" {
		t.Errorf("an error leaves %s, %v", path, err)
	}
}
