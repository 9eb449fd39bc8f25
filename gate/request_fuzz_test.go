package gate

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// host is what isHost recognizes.
var host = regexp.MustCompile(`^([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?$`)

func FuzzIsHost(f *testing.F) {
	for _, seed := range []string{
		"", "a", "A-z_0.9", "a:80", "a:", ":", ":80", "a:123456", "a:8a", "a:b:80", "a::80", "::1", "[::1]", "[::1]:80", "[::1]:", "[::1]80", "[::1", "::1]", "[]", "[]:80",
		"[[::1]]", "[::1]]", "[::ffff:1.2.3.4]", "[::G]", "[a-b]", "a]", "]", "[", "[:80", "[:80]", "a b", "a\n", "a:80\n", "\u212a", "a@b", "a[::1]", "[::1]a", "\xff", "a:\u0660",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := isHost(text), host.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	})
}

// parseAnyParam is parseParam without its short way for what is ordinary.
func parseAnyParam(text string) (param, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ';' || r == '#' }) {
		return param{}, malformedQuery("holds a byte that must be encoded")
	}
	name, value, _ := strings.Cut(text, "=")
	name, ok := unescapeParam(name)
	switch {
	case !ok || !validEscapes(value):
		return param{}, malformedQuery("holds invalid percent-encoding")
	case !utf8.ValidString(name):
		return param{}, malformedQuery("holds a name that is not UTF-8")
	}
	return param{name, value}, nil
}

func FuzzParseParam(f *testing.F) {
	for _, seed := range []string{
		"", "=", "a", "a=", "=a", "a=b=c", "a_b-c=d.e~f", "a=%", "%=a", "%61=%62", "a+b=c+d", "+", "a=%zz", "a=%4", "\xff=a", "a=\xff", "\u00fc=\u00fc", "a;b", "a#b", "a b", "a\x7f", "a\x00=", "%ff=a", "a=%ff",
	} {
		f.Add(seed)
	}
	for c := range 256 {
		f.Add(string([]byte{byte(c)}))
		f.Add(string([]byte{'a', '=', byte(c)}))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseParam(text)
		want, wantErr := parseAnyParam(text)
		if got != want || !cmp.Equal(err, wantErr) {
			t.Errorf("%q: %v, %v, want %v, %v", text, got, err, want, wantErr)
		}
	})
}

// A path of plain bytes with any one byte in it is read as if none were plain.
func TestPlainBytes(t *testing.T) {
	for c := range 256 {
		special := c <= ' ' || c >= 0x7f || strings.IndexByte(`/.\;%#?+&=`, byte(c)) >= 0
		if isPlain(byte(c)) && special {
			t.Errorf("%q is plain", byte(c))
		}
	}
}
