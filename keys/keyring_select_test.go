package keys_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func pattern(t testing.TB, text string) *keys.TenantPattern {
	t.Helper()
	p := new(keys.TenantPattern)
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSelectTenant(t *testing.T) {
	const projects = `https?://[^/]+/projects/([^/]+)`
	for _, test := range []struct {
		pattern string // "" for none
		texts   []string
		want    string
	}{
		{"", []string{"acme"}, "acme"},
		{"", nil, ""},
		{"", []string{""}, ""},
		{"", []string{"acme", "acme"}, ""},
		{projects, []string{"https://api.example.com/projects/acme"}, "acme"},
		{projects, []string{"http://h/projects/acme"}, "acme"},
		{projects, []string{"acme"}, ""},
		{projects, []string{"https://h/projects/"}, ""},
		{projects, []string{"https://h/projects/acme/x"}, ""},
		{projects, []string{"https://h/projects/acme\nx"}, "acme\nx"}, // [^/] takes a line break, and no tenant has one
		{projects, []string{"xhttps://h/projects/acme"}, ""},
		{projects, []string{"https://h/projects/a", "https://h/projects/a"}, ""},
		{projects, []string{"https://h/projects/a", "chat"}, ""},
		// Anchored as a whole, whatever the pattern does.
		{`a|b(c)`, []string{"bcx"}, ""},
		{`a|b(c)`, []string{"xa"}, ""},
		{`a|b(c)`, []string{"a"}, ""},
		{`a|b(c)`, []string{"bc"}, "c"},
		{`(?m)^(\w+)$`, []string{"acme\nrival"}, ""},
		{`(\w+?)`, []string{"acme"}, "acme"},
	} {
		s := &keys.SelectSettings{From: reference(t, "claims.aud")}
		if test.pattern != "" {
			s.Pattern = pattern(t, test.pattern)
		}
		if got := s.Tenant(test.texts); got != test.want {
			t.Errorf("%q of %q = %q, want %q", test.pattern, test.texts, got, test.want)
		}
	}
}

func TestTenantPatternRefuses(t *testing.T) {
	const group = "wants one group, around the name of the tenant; (?:…) is no group"
	for text, want := range map[string]string{
		"":            group,
		"acme":        group,
		"(?:acme)":    group,
		"(a)(b)":      group,
		"(a":          "error parsing regexp: missing closing ): `(a`",
		"(a))|(?:(?:": "error parsing regexp: unexpected ): `(a))|(?:(?:`",
	} {
		if err := new(keys.TenantPattern).UnmarshalText([]byte(text)); errorText(err) != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestCheckSelect(t *testing.T) {
	whole := func(text string) *keys.SelectSettings { return &keys.SelectSettings{Whole: reference(t, text)} }
	from := func(text string) *keys.SelectSettings { return &keys.SelectSettings{From: reference(t, text)} }
	cannot := func(text string) []policy.Problem {
		return []policy.Problem{problem(text+" cannot select a tenant: use path.<wildcard>, query.<name> or claims.<path>", "select")}
	}
	for name, test := range map[string]struct {
		selects *keys.SelectSettings
		want    []policy.Problem
	}{
		"path":       {whole("path.project"), nil},
		"query":      {from("query.project"), nil},
		"claim":      {whole("claims.project"), nil},
		"left out":   {nil, []policy.Problem{problem("select is missing: say what names the tenant, such as path.project")}},
		"empty":      {&keys.SelectSettings{}, []policy.Problem{problem("from is missing", "select")}},
		"header":     {whole("header.X-Project"), cannot("header.X-Project")},
		"body":       {from("body.project"), cannot("body.project")},
		"host":       {whole("host"), cannot("host")},
		"tenant":     {whole("tenant"), cannot("tenant")},
		"attributes": {whole("attributes.project"), cannot("attributes.project")},
	} {
		s := keyring(t, keys.KeyringSettings{})
		s.Select = test.selects
		var problems policy.Problems
		s.Check(policy.Path{"keys"}, &problems)
		if diff := cmp.Diff(test.want, problems.List); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", name, diff)
		}
	}
	alone := defaults(func(s *keys.Settings) { s.JWKSFile, s.Select = "jwks.json", whole("path.project") })
	var problems policy.Problems
	alone.Check(policy.Path{"keys"}, &problems)
	if diff := cmp.Diff([]policy.Problem{problem("says nothing without keyring_file", "select")}, problems.List); diff != "" {
		t.Errorf("without a ring: problems (-want +got):\n%s", diff)
	}
}
