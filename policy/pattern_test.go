package policy_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestParsePattern(t *testing.T) {
	type parts struct {
		Path      string
		Wildcards []string
	}
	for text, want := range map[string]parts{
		"/":                               {"/", nil},
		"/a":                              {"/a", nil},
		"/a/{$}":                          {"/a/{$}", nil},
		"GET /a/":                         {"/a/", nil},
		"GET \t /a/":                      {"/a/", nil},
		"PURGE /a":                        {"/a", nil},
		"POST example.com/a/{x}":          {"/a/{x}", []string{"x"}},
		"Example.COM.:80/a/{x}/{rest...}": {"/a/{x}/{rest...}", []string{"x", "rest"}},
		"[::1]:8080/a":                    {"/a", nil},
		"/a%20b/{Größe}":                  {"/a%20b/{Größe}", []string{"Größe"}},
		"/a%2Fb/100%25/x.":                {"/a%2Fb/100%25/x.", nil},
	} {
		p, err := policy.ParsePattern(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := (parts{p.Path(), p.Wildcards()}); !cmp.Equal(got, want) {
			t.Errorf("%q: %s", text, cmp.Diff(want, got))
		}
		if p.String() != text {
			t.Errorf("String() = %q, want %q", p, text)
		}
		for _, name := range want.Wildcards {
			if !p.HasWildcard(name) {
				t.Errorf("%q: HasWildcard(%q) = false", text, name)
			}
		}
		if p.HasWildcard("") || p.HasWildcard("other") {
			t.Errorf("%q has a wildcard that it does not name", text)
		}
	}
}

func TestParsePatternErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                "the path is missing (it starts with /)",
		"GET":             "the path is missing (it starts with /)",
		"GET example.com": "the path is missing (it starts with /)",
		"get /a":          "methods are case-sensitive: did you mean GET instead of get?",
		"Post /a":         "methods are case-sensitive: did you mean POST instead of Post?",
		"CONNECT /a":      "CONNECT requests are always refused",
		"trace /a":        "TRACE requests are always refused",
		"GET,POST /a":     `"GET,POST" is not a method`,
		"/a b":            `"/a" is not a method`,

		"{x}/a":           `host "{x}" holds a wildcard (is the / before it missing?)`,
		"*.example.com/a": `host "*.example.com" holds '*': write it as it stands in a Host header`,
		"bücher.de/a":     `host "bücher.de" holds 'ü': write it as it stands in a Host header`,
		"http://host/a":   `"" can never match: it is or holds an empty segment or a dot segment`,
		":80/a":           `host ":80" has no name`,

		"/a{x}":       `a wildcard is a whole segment, as in {name}: "a{x}"`,
		"/{x}a":       `a wildcard is a whole segment, as in {name}: "{x}a"`,
		"/{":          `a wildcard is a whole segment, as in {name}: "{"`,
		"/{}":         `bad wildcard name "" (it is like a variable of Go)`,
		"/{...}":      `bad wildcard name "" (it is like a variable of Go)`,
		"/{1x}":       `bad wildcard name "1x" (it is like a variable of Go)`,
		"/{a-b}":      `bad wildcard name "a-b" (it is like a variable of Go)`,
		"/{$...}":     `bad wildcard name "$" (it is like a variable of Go)`,
		"/{x...}/a":   `{x...} stands only at the end`,
		"/{x...}/":    `{x...} stands only at the end`,
		"/{$}/a":      `{$} stands only at the end`,
		"/{x}/{x}":    `duplicate wildcard name "x"`,
		"/{x}/{x...}": `duplicate wildcard name "x"`,

		"//a":       `"" can never match: it is or holds an empty segment or a dot segment`,
		"/a//":      `"" can never match: it is or holds an empty segment or a dot segment`,
		"/a/../b":   `".." can never match: it is or holds an empty segment or a dot segment`,
		"/a/%2e/b":  `"%2e" can never match: it is or holds an empty segment or a dot segment`,
		"/a/...":    `"..." can never match: it is or holds an empty segment or a dot segment`,
		"/a/%20/b":  `"%20" can never match: it is or holds an empty segment or a dot segment`,
		"/a%2f../b": `"a%2f.." can never match: it is or holds an empty segment or a dot segment`,
		"/a;v=1":    `"a;v=1" can never match: it holds \ or ;`,
		"/a%3B":     `"a%3B" can never match: it holds \ or ;`,
		`/a\b`:      `"a\\b" can never match: it holds \ or ;`,
		"/a%5cb":    `"a%5cb" can never match: it holds \ or ;`,
		"/a%00":     `"a%00" can never match: it holds a control character`,
		"/a\x7f":    `"a\x7f" can never match: it holds a control character`,
		"/a%ff":     `"a%ff" can never match: it is not UTF-8`,
		"/%c0%ae":   `"%c0%ae" can never match: it is not UTF-8`,
		"/a%252e":   `"a%252e" can never match: it is percent-encoded twice`,
		"/100%":     `"100%" is not valid percent-encoding`,
		"/a?b=c":    `"a?b=c": a pattern has no query and no fragment (in a path, ? is %3F and # is %23)`,
		"/a#b":      `"a#b": a pattern has no query and no fragment (in a path, ? is %3F and # is %23)`,
	} {
		_, err := policy.ParsePattern(text)
		if err == nil {
			t.Errorf("%q is accepted", text)
			continue
		}
		want = fmt.Sprintf("pattern %q: %s", text, want)
		if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", text, err, want)
		}
	}
}

func TestPatternUnmarshalText(t *testing.T) {
	var p policy.Pattern
	if err := p.UnmarshalText([]byte("GET /a/{x}")); err != nil || p.String() != "GET /a/{x}" {
		t.Errorf("got %q, %v", p.String(), err)
	}
	if err := p.UnmarshalText([]byte("GET")); err == nil || p.String() != "GET /a/{x}" {
		t.Errorf("after an error: got %q, %v", p.String(), err)
	}
}

func TestNormalizeHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                    "",
		"example.com":         "example.com",
		"Example.COM":         "example.com",
		"example.com.":        "example.com",
		"example.com:":        "example.com",
		"example.com:80":      "example.com",
		"example.com:443":     "example.com",
		"EXAMPLE.com.:443":    "example.com",
		"example.com:8080":    "example.com:8080",
		"example.com.:8080":   "example.com:8080",
		"Example.com:8080":    "example.com:8080",
		"example.com:080":     "example.com:080",
		"[::1]":               "[::1]",
		"[::1]:80":            "[::1]",
		"[::1]:8443":          "[::1]:8443",
		"[FE80::A]:443":       "[fe80::a]",
		"fe80::80":            "fe80::80",
		":80":                 "",
		".":                   "",
		"\u212Aelvin.example": "\u212Aelvin.example",
	} {
		if got := policy.NormalizeHost(host); got != want {
			t.Errorf("NormalizeHost(%q) = %q, want %q", host, got, want)
		}
		if got := policy.NormalizeHost(want); got != want {
			t.Errorf("NormalizeHost(%q) = %q: not idempotent", want, got)
		}
		if n := testing.AllocsPerRun(10, func() { policy.NormalizeHost(want) }); n != 0 {
			t.Errorf("NormalizeHost(%q) allocates %v times", want, n)
		}
	}
}
