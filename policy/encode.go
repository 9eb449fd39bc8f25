package policy

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// encodeHeader renders an identity's value for a header, so that a backend
// which decodes percent-encoding exactly once reads what was verified: bytes
// outside printable ASCII, and %, are encoded; elements of a list are joined
// with commas and have their own encoded; an object is canonical JSON. ok is
// false for a null and for JSON that has no canonical form.
func encodeHeader(value any) (encoded string, ok bool) {
	switch v := value.(type) {
	case string:
		return percentEncode(v, false), true
	case json.Number:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case []any:
		var b strings.Builder
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			part, ok := encodeElement(element)
			if !ok {
				return "", false
			}
			b.WriteString(part)
		}
		return b.String(), true
	case map[string]any:
		canonical, ok := canonicalJSON(v)
		return percentEncode(canonical, false), ok
	}
	return "", false
}

// encodeElement renders one element of a list: a string as itself, all else as
// canonical JSON.
func encodeElement(element any) (string, bool) {
	if s, ok := element.(string); ok {
		return percentEncode(s, true), true
	}
	canonical, ok := canonicalJSON(element)
	return percentEncode(canonical, true), ok
}

// canonicalJSON is RFC 8785, but integers keep their digits: as the doubles that
// the RFC makes of them, two long ids could become one.
func canonicalJSON(value any) (string, bool) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", false
	}
	canonical := jsontext.Value(plain)
	if err := canonical.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return "", false
	}
	return string(canonical), true
}

// percentEncodeByte encodes one more byte, which is no letter or digit, in what is
// encoded already.
func percentEncodeByte(encoded string, c byte) string {
	return strings.ReplaceAll(encoded, string(rune(c)), string([]byte{'%', hexDigits[c>>4], hexDigits[c&0xf]}))
}

const hexDigits = "0123456789ABCDEF"

// percentEncode encodes what a header cannot carry unchanged. A space at an
// end counts too: parsers of HTTP trim it.
func percentEncode(s string, commas bool) string {
	plain := func(i int) bool {
		c := s[i]
		if c == ' ' {
			return i > 0 && i < len(s)-1
		}
		return c > ' ' && c < 0x7f && c != '%' && (c != ',' || !commas)
	}
	first := 0
	for first < len(s) && plain(first) {
		first++
	}
	if first == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	b.WriteString(s[:first])
	for i := first; i < len(s); i++ {
		if plain(i) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[s[i]>>4])
		b.WriteByte(hexDigits[s[i]&0xf])
	}
	return b.String()
}
