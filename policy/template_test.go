package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestTemplate(t *testing.T) {
	id := &policy.Identity{
		Level:      policy.Customer,
		Customer:   "ann",
		Claims:     map[string]any{"n": json.Number("7"), "empty": "", "null": nil, "sp": " a ", "pct": "100%", "marks": "a:b%20c d"},
		Attributes: map[string]string{"project": "acme"},
	}
	const notSent = "(not sent)"
	for text, test := range map[string]struct {
		references []string
		value      string
	}{
		"{customer_id}":                     {[]string{"customer_id"}, "ann"},
		"plain text, ~!\"":                  {nil, "plain text, ~!\""},
		"project {attributes.project}":      {[]string{"attributes.project"}, "project acme"},
		"{level}:{customer_id}/{claims.n}.": {[]string{"level", "customer_id", "claims.n"}, "customer:ann/7."},
		// What separates two references is in none of them.
		"{claims.marks}:{customer_id}":   {[]string{"claims.marks", "customer_id"}, "a%3Ab%2520c d:ann"},
		"{claims.marks} ({customer_id})": {[]string{"claims.marks", "customer_id"}, "a:b%2520c%20d (ann)"},
		"({claims.marks})":               {[]string{"claims.marks"}, "(a:b%2520c d)"},
		"<{claims.sp}>":                  {[]string{"claims.sp"}, "<%20a%20>"},
		"{claims.pct}":                   {[]string{"claims.pct"}, "100%25"},
		"{claims.empty}":                 {[]string{"claims.empty"}, ""},
		"{claims.absent}":                {[]string{"claims.absent"}, notSent},
		"{claims.null}":                  {[]string{"claims.null"}, notSent},
		"{customer_id} of {issuer}":      {[]string{"customer_id", "issuer"}, notSent},
		`{claims["a.b"]}`:                {[]string{`claims["a.b"]`}, notSent},
	} {
		template, err := policy.ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var references []string
		for _, ref := range template.References() {
			references = append(references, ref.String())
		}
		value := notSent
		for _, h := range policy.NewHeaderSet(map[string]*policy.Template{"X": template}).RenderFixed(id) {
			value = h.Values[0]
		}
		if !cmp.Equal(references, test.references) || value != test.value || template.String() != text {
			t.Errorf("%s (as %s): %q of %q", text, template, value, references)
		}
	}
}

func TestParseTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                      `an empty header says nothing: use null to remove one`,
		"{customer_id":          `"{customer_id" holds a { without }`,
		"a {":                   `"a {" holds a { without }`,
		"customer_id}":          `'}' cannot stand in a header template outside a reference`,
		"{customer_id}}":        `'}' cannot stand in a header template outside a reference`,
		"100%":                  `'%' cannot stand in a header template outside a reference`,
		"a\nX-Admin: 1":         `'\n' cannot stand in a header template outside a reference`,
		"a\x7f":                 `'\x7f' cannot stand in a header template outside a reference`,
		"café {customer_id}":    `'é' cannot stand in a header template outside a reference`,
		"{}":                    `"" is no reference: there is no ""`,
		"{{customer_id}}":       `"{customer_id" is no reference: there is no "{customer_id"`,
		"{customer}":            `"customer" is no reference: there is no "customer"`,
		"{level}{customer_id}":  `"{level}{customer_id}" wants a mark, such as a colon, between its references: a backend could not tell where one ends`,
		"{level}x{customer_id}": `"{level}x{customer_id}" wants a mark, such as a colon, between its references: a backend could not tell where one ends`,
		"{ customer_id }":       `" customer_id " is no reference: there is no " customer_id "`,
		"{customer_id} {claims": `"{customer_id} {claims" holds a { without }`,
	} {
		_, err := policy.ParseTemplate(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func template(t testing.TB, text string) *policy.Template {
	t.Helper()
	parsed := new(policy.Template)
	if err := parsed.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return parsed
}
