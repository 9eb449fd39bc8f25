package gate

import (
	"strings"
	"testing"

	"postern/policy"
)

func TestCheckPathAccepts(t *testing.T) {
	for path, encodedSlash := range map[string]bool{
		"/":                          false,
		"/a":                         false,
		"/a/":                        false,
		"/a/b.json":                  false,
		"/.well-known/jwks.json":     false,
		"/..a/a../a..b/.a.":          false,
		"/a%20b/%20c/d.%20":          false,
		"/-._~!$&'()*+,=:@":          false,
		"/users/a%40b.c":             false,
		"/gr%C3%BC%C3%9Fe/%e6%97%a5": false,
		"/gr\u00fc\u00dfe":           false,
		"/100%25":                    false,
		"/50%25%20off":               false,
		"/a%25zz":                    false,
		"/a%2520b":                   false,
		"/%2541":                     false,
		"/a%3Fb%23c":                 false,
		"/a%2Fb":                     true,
		"/a%2fb/c":                   true,
		"/a%2f":                      true,
		"/%67rüße%2F%2541":           true,
	} {
		got, err := checkPath(path)
		if err != nil || got != encodedSlash {
			t.Errorf("%q: got %v, %v, want %v", path, got, err, encodedSlash)
		}
	}
}

func TestCheckPathRefuses(t *testing.T) {
	for fault, paths := range map[string][]string{
		"does not begin with a slash": {"", "*", "a/b", "%2fa", "\\a"},
		"holds an empty segment": {
			"//", "//a", "/a//b", "/a//", "/%2f", "/%2F/", "/a%2f/b", "/a/%2fb", "/a%2f%2Fb", "/a/%2F",
		},
		"holds a dot segment": {
			"/.", "/..", "/./", "/../", "/a/./b", "/a/../b", "/a/..", "/a/...", "/a/..../b",
			"/%2e", "/%2E%2e/a", "/.%2E/a", "/a/%2e./b",
			"/a/%20/b", "/a/..%20/b", "/a/%20..", "/a/%20",
			"/a%2f..%2fb", "/a/..%2fb", "/a%2F%2e%2E", "/..%2f..%2fetc", "/a%2f.",
		},
		"holds a backslash or a semicolon": {
			`/a\b`, `/\a`, "/a%5cb", "/a%5C..%5cb", "/..%5c", "/a;b", "/a;v=1/b", "/a%3bb", "/a%3B", "/..;/a", "/..%3B/a", "/%2e%2e;x=y/a",
		},
		"holds a control character": {
			"/%00", "/a%00.json", "/a%0d%0ab", "/a%09", "/%1f", "/a%7f", "/a%7F/b", "/a\tb", "/a\x00", "/a\x7f",
		},
		"holds a space, # or ? that is not encoded": {"/a b", "/ ", "/a#b", "/a?b", "/#"},
		"holds invalid percent-encoding": {
			"/%", "/a%", "/a%2", "/%zz", "/%2g", "/%g2", "/%u002e%u002e/a", "/a%%32%65", "/% 2e", "/%+1",
		},
		"is not UTF-8": {
			"/%ff", "/a%c3", "/%c3/%bc", "/%ed%a0%80", "/\xff", "/\xc3a",
			"/%c0%ae%c0%ae/a", "/%c0%af", "/%e0%80%af", "/%f0%80%80%ae", "/%c1%9c", "/%f4%90%80%80",
		},
		"is percent-encoded more than once": {
			"/%252e%252e/a", "/%252E", "/a%252fb", "/a%255cb", "/a%253bb", "/%2500", "/a%250d%250a", "/a%257f", "/%2525", "/%25252e",
			"/%25c0%25ae", "/%25ff", "/%252%65", "/%25%32%65", "/%25%2532%2565", "/%25%2532e",
			"/a/..%2520/b", "/a/%2520", "/a/%2520/b",
			nested("41", 6),
		},
	} {
		for _, path := range paths {
			_, err := checkPath(path)
			d := policy.AsDenial(err)
			if d == nil || d.Reason != policy.AmbiguousPath || d.Detail != "the path "+fault {
				t.Errorf("%q: got %v, want %s", path, err, fault)
			}
		}
	}
}

// nested returns a path that must be decoded depth times before the escape of
// these two hexadecimal digits is there.
func nested(digits string, depth int) string {
	encode := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			if c == '%' {
				b.WriteByte(c)
			} else {
				b.WriteString("%3" + string(c))
			}
		}
		return b.String()
	}
	escape := "%" + digits
	for range depth {
		escape = encode(escape)
	}
	return "/" + strings.ReplaceAll(escape, "%", "%25")
}

func BenchmarkCheckPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := checkPath("/track/v2/projects/6f1d2a%20b/customers/events/"); err != nil {
			b.Fatal(err)
		}
	}
}
