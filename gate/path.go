package gate

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"postern/policy"
)

// checkPath refuses an escaped path that backends read in different ways: what
// is matched must be what the backend serves. A path that passes has the same
// segments for one that decodes it again, cleans it, takes \ for a slash, cuts
// parameters at a semicolon, or trims dots and spaces.
//
// encodedSlash says that the path holds a %2F, and that it passes even where
// that is taken for a slash; the caller refuses it unless the route allows it.
func checkPath(path string) (encodedSlash bool, err error) {
	if !strings.HasPrefix(path, "/") {
		return false, ambiguousPath("does not begin with a slash")
	}
	var (
		last  = byte('/')
		blank = true // only dots and spaces since the last slash
		plain = true // decoding shows nothing that this loop does not
	)
	for i := 1; i < len(path); i++ {
		c, encoded := path[i], false
		if isPlain(c) {
			blank, last = false, c
			continue
		}
		if c == '%' {
			if c, encoded = escapeAt(path, i); !encoded {
				return false, ambiguousPath("holds invalid percent-encoding")
			}
			i += 2
		}
		switch {
		case c == '/':
			if blank {
				return false, blankSegment(last)
			}
			blank = true
			encodedSlash = encodedSlash || encoded
		case c == '.' || c == ' ' && encoded:
		case c == '\\' || c == ';':
			return false, ambiguousPath("holds a backslash or a semicolon")
		case c < ' ' || c == 0x7f:
			return false, ambiguousPath("holds a control character")
		case !encoded && (c == ' ' || c == '#' || c == '?'):
			return false, ambiguousPath("holds a space, # or ? that is not encoded")
		default:
			blank = false
			plain = plain && c < utf8.RuneSelf && c != '%'
		}
		last = c
	}
	if blank && last != '/' {
		return false, blankSegment(last)
	}
	if !plain {
		err = checkDecoded(path)
	}
	return encodedSlash && err == nil, err
}

// isPlain reports whether a byte means nothing but itself, to anybody.
func isPlain(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// checkDecoded refuses what shows only in the path as a whole: bytes that are
// not UTF-8, and what a backend sees that decodes more than once.
func checkDecoded(path string) error {
	decoded, err := url.PathUnescape(path)
	if err != nil || !utf8.ValidString(decoded) {
		return ambiguousPath("is not UTF-8")
	}
	// Decoding can bring about more to decode: %%34%31 is %41, which is A.
	for range 4 {
		again, ok := decodeAgain(decoded)
		switch {
		case !ok:
			return ambiguousPath("is percent-encoded more than once")
		case again == decoded:
			return nil
		}
		decoded = again
	}
	return ambiguousPath("is percent-encoded more than once")
}

// decodeAgain decodes a decoded path once more, as leniently as any backend
// may: a % that begins no encoding stays. It is not ok where that brings about
// something that changes how the path is read.
func decodeAgain(path string) (decoded string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c, encoded := escapeAt(path, i)
		if !encoded {
			b.WriteByte(path[i])
			continue
		}
		if c < ' ' || c >= 0x7f || strings.IndexByte(`./\;%`, c) >= 0 {
			return "", false
		}
		b.WriteByte(c)
		i += 2
	}
	decoded = b.String()
	// A space that came about may have joined nothing but dots.
	for segment := range strings.SplitSeq(strings.Trim(decoded, "/"), "/") {
		if strings.Trim(segment, " .") == "" {
			return "", false
		}
	}
	return decoded, true
}

// escapeAt returns the byte that s holds percent-encoded at i, if it does.
func escapeAt(s string, i int) (c byte, ok bool) {
	if s[i] != '%' || len(s)-i < 3 {
		return 0, false
	}
	high, ok1 := unhex(s[i+1])
	low, ok2 := unhex(s[i+2])
	return high<<4 | low, ok1 && ok2
}

func unhex(c byte) (digit byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// blankSegment refuses a segment of nothing but dots and spaces, the last of
// which is the byte last; a slash is the one before an empty segment.
func blankSegment(last byte) error {
	if last == '/' {
		return ambiguousPath("holds an empty segment")
	}
	return ambiguousPath("holds a dot segment")
}

func ambiguousPath(fault string) error {
	return policy.Deny(policy.AmbiguousPath, "the path "+fault)
}
