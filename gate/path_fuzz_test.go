package gate

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"postern/policy"
)

var (
	escape     = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	parameters = regexp.MustCompile(`;[^/]*`)
	control    = regexp.MustCompile(`[\x00-\x1f\x7f]`)
	ordinary   = regexp.MustCompile(`^(/[0-9A-Za-z_~-][0-9A-Za-z._~-]*)+/?$`)
)

// decodeFully decodes, leniently, until there is nothing left to decode.
func decodeFully(s string) string {
	for {
		decoded := escape.ReplaceAllStringFunc(s, func(e string) string {
			high, _ := unhex(e[1])
			low, _ := unhex(e[2])
			return string([]byte{high<<4 | low})
		})
		if decoded == s {
			return s
		}
		s = decoded
	}
}

// readings are what a backend may do to a decoded path before it looks for
// segments. A path that passes must be the same after each of them.
var readings = map[string]func(string) string{
	"clean": func(s string) string {
		cleaned := path.Clean(s)
		if cleaned != "/" && strings.HasSuffix(s, "/") {
			cleaned += "/"
		}
		return cleaned
	},
	"backslashes are slashes": func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
	"cut parameters":          func(s string) string { return parameters.ReplaceAllString(s, "") },
	"drop control characters": func(s string) string { return control.ReplaceAllString(s, "") },
	"repair UTF-8":            func(s string) string { return strings.ToValidUTF8(s, "") },
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{
		"/", "/a/b/", "/a%20b", "/a%2Fb", "/..%2f", "/%252e", "/%25%2532e", "/100%25", "/a%2520", "/..%2520/a", "/%c0%ae", "/gr%C3%BC", "/..;/", `/a\..\b`, "/a%00",
		"/%25%25%33%32%65", "/%25%25%33%32%25%36%35",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		encodedSlash, err := checkPath(escaped)
		if err != nil {
			if policy.ReasonOf(err) != policy.AmbiguousPath {
				t.Errorf("refused for %v", err)
			}
			if encodedSlash {
				t.Error("refused and yet an encoded slash")
			}
			if ordinary.MatchString(escaped) {
				t.Errorf("an ordinary path is refused: %v", err)
			}
			return
		}
		once, err := url.PathUnescape(escaped)
		if err != nil {
			t.Fatal(err)
		}
		slashes := strings.Count(escaped, "/")
		if more := strings.Count(once, "/") > slashes; more != encodedSlash {
			t.Errorf("encodedSlash = %v, but decoding says %v", encodedSlash, more)
		}
		fully := decodeFully(once)
		if strings.Count(fully, "/") != strings.Count(once, "/") {
			t.Errorf("decoding again gives other segments: %q", fully)
		}
		for _, decoded := range []string{once, fully} {
			for name, read := range readings {
				if got := read(decoded); got != decoded {
					t.Errorf("%s: %q becomes %q", name, decoded, got)
				}
			}
			segments := strings.Split(decoded[1:], "/")
			for i, segment := range segments {
				last := i == len(segments)-1
				if strings.Trim(segment, " .") == "" && (segment != "" || !last) {
					t.Errorf("segment %q of %q is nothing when trimmed", segment, decoded)
				}
			}
		}
	})
}

// FuzzPatternIsReachable checks that no pattern is accepted whose literals no
// request gets through with.
func FuzzPatternIsReachable(f *testing.F) {
	for _, seed := range []string{"a", "a/b/", "a%2Fb", "a b", "100%25", "%252e", "..", "a;b", "%ff", "%25zz%252e", ". ", "ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := policy.ParsePattern("GET /" + text)
		if err != nil || strings.Contains(text, "{") {
			return
		}
		var request strings.Builder
		for literal := range strings.SplitSeq(p.Path()[1:], "/") {
			decoded, err := url.PathUnescape(literal)
			if err != nil {
				t.Fatal(err)
			}
			request.WriteString("/" + url.PathEscape(decoded))
		}
		if _, err := checkPath(request.String()); err != nil {
			t.Errorf("pattern %q: %q: %v", p, request.String(), err)
		}
	})
}
