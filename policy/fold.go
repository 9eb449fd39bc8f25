package policy

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NormalizeHost returns the host of a request or a pattern as hosts are
// compared: in lower case, without a trailing dot and without the ports 80
// and 443. Another port stays. It does not allocate for a host that is so
// already.
func NormalizeHost(host string) string {
	name, port := host, ""
	// In an IPv6 address a colon is no port, unless it follows the bracket.
	if i := strings.LastIndexByte(host, ':'); i >= 0 && (strings.IndexByte(host, ':') == i || host[i-1] == ']') {
		name, port = host[:i], host[i:]
	}
	if port == ":" || port == ":80" || port == ":443" {
		host, port = name, ""
	}
	if trimmed, ok := strings.CutSuffix(name, "."); ok {
		host = trimmed + port
	}
	// Only ASCII: a Kelvin sign does not make the host that a k makes.
	i := strings.IndexFunc(host, isUpper)
	if i < 0 {
		return host
	}
	lower := []byte(host)
	for ; i < len(lower); i++ {
		if isUpper(rune(lower[i])) {
			lower[i] += 'a' - 'A'
		}
	}
	return string(lower)
}

// withoutPort returns a normal host without its port.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	return strings.TrimSuffix(host[:i], ".")
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

// fold maps a decoded segment to what a careless backend takes it for: decoded
// again and again, without case, and without trailing dots and spaces. It works
// in place where it can.
func fold(segment []byte) []byte {
	for again := true; again; {
		decoded := appendUnescaped(segment[:0], segment)
		again = len(decoded) < len(segment)
		segment = decoded
	}
	for i, c := range segment {
		if c >= utf8.RuneSelf {
			// Upper case first: it joins what lower case alone keeps apart,
			// such as the long s and s.
			segment = bytes.ToLower(bytes.ToUpper(segment))
			break
		}
		if isUpper(rune(c)) {
			segment[i] += 'a' - 'A'
		}
	}
	return bytes.TrimRight(segment, " .")
}

// isFolded reports whether folding surely leaves an escaped path as it is, and
// it has no trailing slash. It may be wrong only in saying no.
func isFolded(path string) bool {
	last := byte(0)
	for _, c := range []byte(path) {
		if c == '%' || c >= utf8.RuneSelf || isUpper(rune(c)) || c == '/' && isTrimmed(last) {
			return false
		}
		last = c
	}
	return !isTrimmed(last)
}

// isTrimmed reports whether folding drops the byte before a slash and at the
// end of a path.
func isTrimmed(c byte) bool { return c == '.' || c == ' ' || c == '/' }

// needlesslyEscaped reports whether a segment encodes a byte that is never
// encoded by those who only encode what they must (RFC 3986, section 2.3).
func needlesslyEscaped(segment string) bool {
	for i := 0; i+2 < len(segment); i++ {
		if segment[i] != '%' {
			continue
		}
		c, err := strconv.ParseUint(segment[i+1:i+3], 16, 8)
		if err == nil && (c == '-' || c == '.' || c == '_' || c == '~' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') {
			return true
		}
	}
	return false
}

// appendUnescaped appends s to dst, percent-decoded once. A % that begins no
// encoding stays: paths that hold one are refused before they are matched.
// dst may be the beginning of s itself.
func appendUnescaped[S string | []byte](dst []byte, s S) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(string(s[i+1:i+3]), 16, 8); err == nil {
				dst = append(dst, byte(c))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}
