package policy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern says which requests a route matches, in the syntax of
// [http.ServeMux]: [METHOD ][HOST]/path/{wildcard}/{rest...}, with {$} for
// the end of a path and a trailing slash for a subtree. It is immutable once
// parsed and safe for concurrent use.
type Pattern struct {
	text     string
	method   string // empty: every method
	host     string // normal; empty: every host
	path     string // as written
	segments []segment
	names    []string // of the wildcards, from left to right
}

// segment is what a pattern asks of one segment of a path or, as its last, of
// all that remain.
type segment struct {
	kind segmentKind
	// text is the decoded literal, empty for {$}, or the name of a wildcard,
	// empty for a trailing slash.
	text string
}

type segmentKind uint8

// The kinds of segments, the most specific first.
const (
	literalSegment  segmentKind = iota // literal, {$}
	wildcardSegment                    // {name}
	restSegment                        // {name...}, trailing slash
)

// ParsePattern reads a pattern. Beyond the errors of [http.ServeMux], it
// refuses what could never match: the methods CONNECT and TRACE, and literals
// that no request is let through with (dot segments, empty segments, control
// bytes and the like).
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text}
	if err := p.parse(); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return p, nil
}

// UnmarshalText reads a pattern like [ParsePattern].
func (p *Pattern) UnmarshalText(text []byte) error {
	parsed, err := ParsePattern(string(text))
	if err != nil {
		return err
	}
	*p = *parsed
	return nil
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Path returns the pattern's path as it was written, its wildcards in braces.
func (p *Pattern) Path() string { return p.path }

// Wildcards returns the names of the wildcards from left to right.
func (p *Pattern) Wildcards() []string { return slices.Clone(p.names) }

// HasWildcard reports whether the pattern has a wildcard of this name.
func (p *Pattern) HasWildcard(name string) bool { return slices.Contains(p.names, name) }

func (p *Pattern) parse() error {
	rest := p.text
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		p.method, rest = rest[:i], strings.TrimLeft(rest[i:], " \t")
		if err := checkMethod(p.method); err != nil {
			return err
		}
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return errors.New("the path is missing (it starts with /)")
	}
	host, path := rest[:slash], rest[slash:]
	if err := checkHost(host); err != nil {
		return err
	}
	p.host, p.path = NormalizeHost(host), path

	parts := strings.Split(path[1:], "/")
	p.segments = make([]segment, 0, len(parts))
	for i, part := range parts {
		s, err := parseSegment(part, i == len(parts)-1)
		if err != nil {
			return err
		}
		p.segments = append(p.segments, s)
		if s.kind == literalSegment || s.text == "" {
			continue
		}
		if p.HasWildcard(s.text) {
			return fmt.Errorf("duplicate wildcard name %q", s.text)
		}
		p.names = append(p.names, s.text)
	}
	return nil
}

func checkMethod(method string) error {
	if strings.ContainsFunc(method, notTokenRune) {
		return fmt.Errorf("%q is not a method", method)
	}
	switch upper := strings.ToUpper(method); upper {
	case http.MethodConnect, http.MethodTrace:
		return fmt.Errorf("%s requests are always refused", upper)
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
		if method != upper {
			return fmt.Errorf("methods are case-sensitive: did you mean %s instead of %s?", upper, method)
		}
	}
	return nil
}

// notTokenRune reports whether r cannot be in a token of RFC 9110, section
// 5.6.2.
func notTokenRune(r rune) bool {
	return !isASCIIAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func checkHost(host string) error {
	if strings.ContainsRune(host, '{') {
		return fmt.Errorf("host %q holds a wildcard (is the / before it missing?)", host)
	}
	foreign := func(r rune) bool { return !isASCIIAlphanumeric(r) && !strings.ContainsRune("-._:[]", r) }
	if i := strings.IndexFunc(host, foreign); i >= 0 {
		r, _ := utf8.DecodeRuneInString(host[i:])
		return fmt.Errorf("host %q holds %q: write it as it stands in a Host header", host, r)
	}
	if host != "" && NormalizeHost(host) == "" {
		return fmt.Errorf("host %q has no name", host)
	}
	return nil
}

func isASCIIAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func parseSegment(part string, last bool) (segment, error) {
	if part == "" && last {
		return segment{kind: restSegment}, nil
	}
	brace := strings.IndexByte(part, '{')
	if brace < 0 {
		literal, err := parseLiteral(part)
		return segment{literalSegment, literal}, err
	}
	if brace > 0 || part[len(part)-1] != '}' {
		return segment{}, fmt.Errorf("a wildcard is a whole segment, as in {name}: %q", part)
	}
	name, rest := strings.CutSuffix(part[1:len(part)-1], "...")
	switch {
	case (rest || name == "$") && !last:
		return segment{}, fmt.Errorf("%s stands only at the end", part)
	case name == "$" && !rest:
		return segment{kind: literalSegment}, nil
	case !isIdentifier(name):
		return segment{}, fmt.Errorf("bad wildcard name %q (it is like a variable of Go)", name)
	case rest:
		return segment{restSegment, name}, nil
	default:
		return segment{wildcardSegment, name}, nil
	}
}

// isIdentifier reports whether s is a Go identifier; as for http.ServeMux,
// keywords and _ are.
func isIdentifier(s string) bool {
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// parseLiteral decodes a literal segment. What package gate refuses in every
// request is an error here, so that no route is silently dead.
func parseLiteral(part string) (string, error) {
	literal, err := url.PathUnescape(part)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is not valid percent-encoding", part)
	case strings.ContainsAny(part, "?#"):
		return "", fmt.Errorf("%q: a pattern has no query and no fragment (in a path, ? is %%3F and # is %%23)", part)
	case !utf8.ValidString(literal):
		return "", fmt.Errorf("%q can never match: it is not UTF-8", part)
	case strings.ContainsFunc(literal, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%q can never match: it holds a control character", part)
	case strings.ContainsAny(literal, `\;`):
		return "", fmt.Errorf(`%q can never match: it holds \ or ;`, part)
	case string(appendUnescaped(nil, literal)) != literal:
		return "", fmt.Errorf("%q can never match: it is percent-encoded twice", part)
	}
	// An encoded slash is taken for a slash by many backends.
	for name := range strings.SplitSeq(literal, "/") {
		if strings.Trim(name, " .") == "" {
			return "", fmt.Errorf("%q can never match: it is or holds an empty segment or a dot segment", part)
		}
	}
	return literal, nil
}

// example returns a request that the pattern matches, for error messages.
func (p *Pattern) example() string {
	var b strings.Builder
	if p.method != "" {
		b.WriteString(p.method + " ")
	}
	b.WriteString(p.host)
	for _, s := range p.segments {
		b.WriteString("/" + url.PathEscape(s.text))
	}
	return b.String()
}

// MoreSpecificThan compares in the order by which a [Matcher] prefers: a host
// before none, then segment by segment. Where one path only continues the other,
// as /a/ does /a, neither is more specific.
func (p *Pattern) MoreSpecificThan(q *Pattern) bool {
	if (p.host == "") != (q.host == "") {
		return p.host != ""
	}
	for i := range min(len(p.segments), len(q.segments)) {
		if a, b := p.segments[i].kind, q.segments[i].kind; a != b {
			return a < b
		}
	}
	return false
}
