package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestParseDocumentRefuses(t *testing.T) {
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{"f:1:1: the file is empty"}},
		{"only a comment", "# nothing\n", []string{"f:1:1: the file is empty"}},
		{"only a marker", "---", []string{"f:1:1: the file is empty"}},
		{"a list", "\n- a\n", []string{"f:2:1: the file wants a mapping at its top, got a list"}},
		{"a string", "  text\n", []string{"f:1:3: the file wants a mapping at its top, got a string"}},
		{"a second document", "a: b\n---\nc: d\n", []string{"f:2:1: a second document: the file must hold exactly one"}},
		{"an empty second document", "a: b\n---\n", []string{"f:2:1: a second document: the file must hold exactly one"}},
		{"a broken second document", "a: b\n---\nc: [\n", []string{"f:4:1: did not find expected node content"}},
		{"a tab", "a:\n\tb: c\n", []string{"f:2:1: found character that cannot start any token"}},
		{"an indent", "a: b\n  c: d\n", []string{"f:2:1: mapping values are not allowed in this context"}},
		{"an outdent", "a:\n    b: c\n  d: e\n", []string{"f:3:1: did not find expected key"}},
		{"an outdent at the end", "# c\na:\r\n    b: {\n      c: d}\n  d: e", []string{"f:5:1: did not find expected key"}},
		{"an outdent in a second document", "a: b\n---\na:\n    b: c\n  d: e\nf: g\n", []string{"f:5:1: did not find expected key"}},
		{"a key in a list", "a:\n  - b: |\n      c\n    d: 'e\n\n     f'\n  - g\n  h: i\nj: k\n", []string{"f:8:1: did not find expected '-' indicator"}},
		{"a list in a mapping", "a: b\n- c\n", []string{"f:2:1: did not find expected key"}},
		{"an open list", "a: b\nc: [1,\nd: 2\n", []string{"f:2:1: did not find expected ',' or ']'"}},
		{"an open quote", "a: b\nc: 'd\n", []string{"f:2:1: found unexpected end of stream"}},
		{"line one", "a: b: c", []string{"f:1:1: mapping values are not allowed in this context"}},
		{"an unknown anchor", "x: &ab y\na: [ü, *ab, *a]\n", []string{"f:2:13: an alias repeats an anchor that is not set before it"}},
		{"a byte order mark", "\uFEFFa: b\n", []string{"f:1:1: a byte order mark is not allowed"}},
		{"UTF-16", "\xff\xfea\x00", []string{"f:1:1: the file is not valid UTF-8"}},
		{"Latin-1", "a: b\nü: \xfc\n", []string{"f:2:4: the file is not valid UTF-8"}},
		{"a control character", "a: b\r\nc: \x00\n", []string{"f:2:4: the character U+0000 is not allowed"}},
		{"a carriage return", "a: b\rc: d\n", []string{"f:1:5: the character U+000D is not allowed"}},
		{"a line separator", "a: b\u2028c: d\n", []string{"f:1:5: the character U+2028 is not allowed"}},
		{"too large", strings.Repeat("#", maxFileBytes+1), []string{"f:1:1: the file is larger than 16 MiB"}},
		{"too deep", "a: " + deep, []string{"f:1:68: nested deeper than 64 levels"}},
		{"too deep for the library", "a: " + strings.Repeat("[", 20_000), []string{"f:1:1: exceeded max depth of 10000"}},
		{"too deep through aliases", deepAliases(), []string{"f:6:24: nested deeper than 64 levels"}},
		{"an alias of what it is in", "a: &x\n  - b: [*x]\n", []string{"f:2:9: an alias stands inside the value that it repeats"}},
		{"an alias of what it is a key of", "a: &x\n  *x : b\n", []string{
			"f:2:3: a key must be a string, got a mapping",
			"f:2:3: an alias stands inside the value that it repeats",
		}},
		{"a billion laughs", billionLaughs(), []string{"f:6:45: aliases repeat too much"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, errs := parseDocument("f", []byte(test.text))
			if d != nil {
				t.Error("a document beside the errors")
			}
			if diff := cmp.Diff(test.want, strings.Split(errs.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// deepAliases nests lists of 15 levels by aliases, line after line.
func deepAliases() string {
	var b strings.Builder
	b.WriteString("k0: &k0 x\n")
	for i := range 8 {
		fmt.Fprintf(&b, "k%d: &k%d %s*k%d%s\n", i+1, i+1, strings.Repeat("[", 15), i, strings.Repeat("]", 15))
	}
	return b.String()
}

func billionLaughs() string {
	var b strings.Builder
	b.WriteString("k0: &k0 lol\n")
	for i := range 9 {
		alias := fmt.Sprintf("*k%d", i)
		fmt.Fprintf(&b, "k%d: &k%d [%s]\n", i+1, i+1, strings.Join(slices.Repeat([]string{alias}, 10), ", "))
	}
	return b.String()
}

func TestPosition(t *testing.T) {
	d, errs := parseDocument("f", []byte(`# a comment
server:
  listen: ":8080"
  tls: &tls
    cert_file: a.crt
routes:
  - name: one
    match: /a
    authenticate: [a, [b, c]]
  - { name: two, match: [/b, /c], tls: *tls, empty: }
alias: *tls
`))
	if errs != nil {
		t.Fatal(errs)
	}
	tests := []struct {
		path policy.Path
		want mark
	}{
		{nil, mark{2, 1}},
		{policy.Path{"server"}, mark{2, 1}},
		{policy.Path{"server", "listen"}, mark{3, 11}},
		{policy.Path{"server", "missing"}, mark{2, 1}},
		{policy.Path{"server", "missing", 3, "more"}, mark{2, 1}},
		{policy.Path{"server", "listen", "below"}, mark{3, 11}},
		{policy.Path{"missing"}, mark{2, 1}},
		{policy.Path{"routes"}, mark{6, 1}},
		{policy.Path{"routes", 0}, mark{7, 5}},
		{policy.Path{"routes", 0, "upstream"}, mark{7, 5}},
		{policy.Path{"routes", 0, "match", 0}, mark{8, 12}},
		{policy.Path{"routes", 0, "authenticate"}, mark{9, 5}},
		{policy.Path{"routes", 0, "authenticate", 0}, mark{9, 20}},
		{policy.Path{"routes", 0, "authenticate", 0, 0}, mark{9, 20}},
		{policy.Path{"routes", 0, "authenticate", 1, 1}, mark{9, 27}},
		{policy.Path{"routes", 1, "match", 1}, mark{10, 30}},
		{policy.Path{"routes", 1, "tls"}, mark{10, 35}},
		{policy.Path{"routes", 1, "tls", "cert_file"}, mark{5, 16}},
		{policy.Path{"routes", 1, "empty"}, mark{10, 46}},
		{policy.Path{"routes", 2}, mark{6, 1}},
		{policy.Path{"routes", -1}, mark{6, 1}},
		{policy.Path{"alias", "cert_file"}, mark{5, 16}},
	}
	for _, test := range tests {
		line, column := d.position(test.path)
		if got := (mark{line, column}); got != test.want {
			t.Errorf("position(%v) = %v, want %v", test.path, got, test.want)
		}
	}
}

func TestKeysAreBounded(t *testing.T) {
	var s sample
	d, errs := parseDocument("f", []byte("? "+strings.Repeat("k", maxKeyBytes+1)+"\n: x\n"))
	if errs != nil {
		t.Fatal(errs)
	}
	want := Errors{{"f", 1, 3, "a key must not be longer than 1024 bytes"}}
	if diff := cmp.Diff(want, d.decode(&s)); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	errs := Errors{
		{"b", 1, 1, "other file"},
		{"a", 10, 1, "later"},
		{"a", 2, 5, "second"},
		{"a", 2, 5, "second"},
		{"a", 2, 5, "another"},
		{"a", 2, 4, "first"},
	}
	want := "a:2:4: first\na:2:5: another\na:2:5: second\na:10:1: later\nb:1:1: other file"
	if diff := cmp.Diff(want, errs.Error()); diff != "" {
		t.Error(diff)
	}
	var many Errors
	for i := range 150 {
		many = append(many, Error{"a", i, 1, "x"})
	}
	lines := strings.Split(many.Error(), "\n")
	if len(lines) != 101 || lines[100] != "… and 50 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestErrorsAreBounded(t *testing.T) {
	var s sample
	d, errs := parseDocument("f", []byte(strings.Repeat("unknown: x\n", 5000)))
	if errs != nil {
		t.Fatal(errs)
	}
	if n := len(d.decode(&s)); n != maxErrors {
		t.Errorf("%d errors, want %d", n, maxErrors)
	}
}
