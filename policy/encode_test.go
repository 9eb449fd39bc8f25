package policy_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestHeaderEncoding(t *testing.T) {
	for value, want := range map[string]string{
		`"ann"`:                       "ann",
		`""`:                          "",
		`"a b, c"`:                    "a b, c",
		`" a"`:                        "%20a",
		`"a "`:                        "a%20",
		`" "`:                         "%20",
		`"  "`:                        "%20%20",
		`"Zoë"`:                       "Zo%C3%AB",
		`"100%"`:                      "100%25",
		`"%41"`:                       "%2541",
		`"a\r\nX-Admin: 1"`:           "a%0D%0AX-Admin: 1",
		`"\u0000\t\u007f~"`:           "%00%09%7F~",
		`"{\"a\":1}"`:                 `{"a":1}`,
		`42`:                          "42",
		`9007199254740993`:            "9007199254740993",
		`1.50`:                        "1.50",
		`true`:                        "true",
		`[]`:                          "",
		`["a","b"]`:                   "a,b",
		`["a,b","c"]`:                 "a%2Cb,c",
		`["",""]`:                     ",",
		`[" a ","b c"]`:               "%20a%20,b c",
		`["%2C",1,true,null]`:         "%252C,1,true,null",
		`[[1,2],{"b":",","a":"<é>"}]`: `[1%2C2],{"a":"<%C3%A9>"%2C"b":"%2C"}`,
		`{}`:                          "{}",
		`{"b":"2","a":"1"}`:           `{"a":"1","b":"2"}`,
		`{ "a" : [ 1.0 , 1e2 ] }`:     `{"a":[1,100]}`,
		`{"a":"é%<&>/"}`:              `{"a":"%C3%A9%25<&>/"}`,
		`{"\u20ac":1,"\ud83d\ude00":2,"\ufb33":3}`: `{"%E2%82%AC":1,"%F0%9F%98%80":2,"%EF%AC%B3":3}`, // by UTF-16, as RFC 8785 sorts
		// An id must not be rounded to its neighbour.
		`{"registered":9007199254740993}`: `{"registered":9007199254740993}`,
		`[9007199254740993]`:              "9007199254740993",
	} {
		if got := encoded(t, value); got != want {
			t.Errorf("%s is sent as %s, want %s", value, got, want)
		}
	}
}

// encoded returns what a header says of a claim.
func encoded(t testing.TB, value string) string {
	t.Helper()
	claims, err := policy.ParseObject([]byte(`{"v":` + value + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return rendered(t, claims["v"])
}

func rendered(t testing.TB, value any) string {
	t.Helper()
	set := policy.NewHeaderSet(map[string]*policy.Template{"X-V": template(t, "{claims.v}")})
	headers := set.RenderFixed(&policy.Identity{Claims: map[string]any{"v": value}})
	if len(headers) != 1 {
		t.Fatalf("%#v gives %v", value, headers)
	}
	return headers[0].Values[0]
}

// FuzzEncode checks that a backend which decodes once reads the very value that
// was verified, so that no two values look alike, and that no byte of a value
// means anything to a parser of HTTP.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"", "ann", " ", "a,b", "%41", "A", "é", "\xff", "a\r\nb: c", "%", "%2C", ",", "\x00", "\x7f", "a b "} {
		f.Add(seed, "b")
		f.Add("a", seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, value := range []string{a, b} {
			header := rendered(t, value)
			checkFieldValue(t, header)
			if decoded, err := url.PathUnescape(header); err != nil || decoded != value {
				t.Errorf("%q is sent as %q and read as %q (%v)", value, header, decoded, err)
			}
		}
		header := rendered(t, []any{a, b})
		checkFieldValue(t, header)
		elements := strings.Split(header, ",")
		for i, element := range elements {
			decoded, err := url.PathUnescape(element)
			if err != nil {
				t.Fatal(err)
			}
			elements[i] = decoded
		}
		if want := []string{a, b}; !slices.Equal(elements, want) {
			t.Errorf("a list is sent as %q: %s", header, cmp.Diff(want, elements))
		}
	})
}

func checkFieldValue(t *testing.T, value string) {
	t.Helper()
	if i := strings.IndexFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7e }); i >= 0 {
		t.Errorf("%q holds %q", value, value[i])
	}
	if strings.TrimSpace(value) != value {
		t.Errorf("%q has a space at an end", value)
	}
}
