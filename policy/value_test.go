package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestParseObject(t *testing.T) {
	type object = map[string]any
	for text, want := range map[string]object{
		`{}`:        {},
		" {\n}\t\r": {},
		`{"s":"é\u0041\n","t":true,"f":false,"n":null}`: {"s": "éA\n", "t": true, "f": false, "n": nil},
		`{"i":9007199254740993,"d":1.50,"e":1E400,"z":-0}`: {
			"i": json.Number("9007199254740993"), "d": json.Number("1.50"), "e": json.Number("1E400"), "z": json.Number("-0"),
		},
		`{"sub":1,"SUB":2,"Sub":3}`:           {"sub": json.Number("1"), "SUB": json.Number("2"), "Sub": json.Number("3")},
		`{"l":[],"o":{},"m":[1,[2],{"k":3}]}`: {"l": []any{}, "o": object{}, "m": []any{json.Number("1"), []any{json.Number("2")}, object{"k": json.Number("3")}}},
		`{"":{"":""}}`:                        {"": object{"": ""}},
		`{"a":{"k":1},"b":{"k":1}}`:           {"a": object{"k": json.Number("1")}, "b": object{"k": json.Number("1")}},
	} {
		got, err := policy.ParseObject([]byte(text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                 ``,
		"white space":             ` `,
		"a list":                  `[]`,
		"a string":                `"a"`,
		"null":                    `null`,
		"a number":                `1`,
		"cut short":               `{"a":1`,
		"cut short in a list":     `{"a":[1,`,
		"no value":                `{"a"}`,
		"trailing comma":          `{"a":1,}`,
		"a comment":               `{"a":1/**/}`,
		"two objects":             `{}{}`,
		"trailing word":           `{} null`,
		"trailing NUL":            "{}\x00",
		"BOM":                     "\ufeff{}",
		"invalid UTF-8":           "{\"a\":\"\xff\"}",
		"overlong UTF-8":          "{\"a\":\"\xc0\xaf\"}",
		"invalid UTF-8 in a name": "{\"\xff\":1}",
		"half a surrogate":        `{"a":"\ud800"}`,
		"control byte":            "{\"a\":\"\n\"}",
		"duplicate":               `{"a":1,"a":1}`,
		"duplicate, escaped":      `{"a":1,"\u0061":2}`,
		"duplicate below":         `{"a":[{"b":1,"b":2}]}`,
		"name is a number":        `{1:1}`,
		"leading zero":            `{"a":01}`,
		"not a number":            `{"a":NaN}`,
		"33 levels":               nested(33, `1`),
		"33 levels, empty":        nested(33, ``),
		"100,000 levels":          nested(100_000, `1`),
		"33 levels of lists":      `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
	} {
		if got, err := policy.ParseObject([]byte(text)); err == nil || got != nil {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
	if _, err := policy.ParseObject([]byte(nested(32, `1`))); err != nil {
		t.Errorf("32 levels: %v", err)
	}
}

// nested is so many objects, one in the other, around a value.
func nested(levels int, value string) string {
	if value == "" {
		return strings.Repeat(`{"a":`, levels-1) + `{}` + strings.Repeat("}", levels-1)
	}
	return strings.Repeat(`{"a":`, levels) + value + strings.Repeat("}", levels)
}

func TestSameText(t *testing.T) {
	type outcome struct{ same, comparable bool }
	var (
		equal        = outcome{true, true}
		different    = outcome{false, true}
		incomparable = outcome{false, false}
	)
	for _, test := range []struct {
		value any
		text  string
		want  outcome
	}{
		{"ann", "ann", equal},
		{"", "", equal},
		{"ann", "Ann", different},
		{"ann", "ann ", different},
		{"é", "e\u0301", different},
		{"42", "42", equal},
		{json.Number("42"), "42", equal},
		{json.Number("-7"), "-7", equal},
		{json.Number("0"), "0", equal},
		{json.Number("9007199254740993"), "9007199254740993", equal},
		{json.Number("9007199254740993"), "9007199254740992", different},
		{json.Number("42"), "042", different},
		{json.Number("42"), "+42", different},
		{json.Number("42"), "42.0", different},
		// A number with a second spelling is comparable with none of them.
		{json.Number("1.0"), "1.0", incomparable},
		{json.Number("1.5"), "1.5", incomparable},
		{json.Number("1e3"), "1e3", incomparable},
		{json.Number("-0"), "-0", incomparable},
		{true, "true", incomparable},
		{nil, "", incomparable},
		{nil, "null", incomparable},
		{[]any{"ann"}, "ann", incomparable},
		{map[string]any{"id": "ann"}, "ann", incomparable},
	} {
		var got outcome
		if got.same, got.comparable = policy.SameText(test.value, test.text); got != test.want {
			t.Errorf("SameText(%#v, %q) = %v, want %v", test.value, test.text, got, test.want)
		}
	}
}

func TestEqual(t *testing.T) {
	// Each of them equals itself and no other.
	distinct := []any{
		nil, true, false, "", "1", "true", json.Number("1"), json.Number("1.0"),
		[]any{}, []any{"1"}, []any{json.Number("1")}, []any{"1", "2"}, []any{"2", "1"}, []any{nil}, []any{[]any{}},
		map[string]any{}, map[string]any{"a": nil}, map[string]any{"b": nil}, map[string]any{"a": []any{"1"}}, map[string]any{"a": nil, "b": nil},
	}
	for i, a := range distinct {
		for k, b := range distinct {
			if got := policy.Equal(a, b); got != (i == k) {
				t.Errorf("Equal(%#v, %#v) = %v", a, b, got)
			}
		}
	}
}
