package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Template is the text of an identity header with references in braces, such
// as "{customer_id}" or "project {attributes.project}". It is immutable.
type Template struct {
	text  string
	parts []part
}

// part is literal text, or a reference where one is set.
type part struct {
	literal string
	ref     Reference
}

// ParseTemplate reads a template. Literal text is printable ASCII without
// percent signs, since a backend decodes the whole value.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	for rest := text; rest != ""; {
		literal, after, opened := strings.Cut(rest, "{")
		if i := strings.IndexFunc(literal, func(r rune) bool { return r < ' ' || r > '~' || r == '%' || r == '}' }); i >= 0 {
			return nil, fmt.Errorf("%q cannot stand in a header template outside a reference", []rune(literal[i:])[0])
		}
		if opened && len(t.parts) > 0 && (literal == "" || isAlphanumeric(literal[0])) {
			return nil, fmt.Errorf("%q wants a mark, such as a colon, between its references: a backend could not tell where one ends", text)
		}
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if !opened {
			break
		}
		inner, after, closed := strings.Cut(after, "}")
		if !closed {
			return nil, fmt.Errorf("%q holds a { without }", text)
		}
		ref, err := ParseReference(inner)
		if err != nil {
			return nil, err
		}
		t.parts, rest = append(t.parts, part{ref: ref}), after
	}
	if len(t.parts) == 0 {
		return nil, fmt.Errorf("an empty header says nothing: use null to remove one")
	}
	return t, nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// UnmarshalText reads the template from a configuration.
func (t *Template) UnmarshalText(text []byte) error {
	parsed, err := ParseTemplate(string(text))
	if err == nil {
		*t = *parsed
	}
	return err
}

// String returns the template as it was written.
func (t *Template) String() string { return t.text }

// References returns what the template names, in order.
func (t *Template) References() []Reference {
	var refs []Reference
	for _, p := range t.parts {
		if !p.ref.IsZero() {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

// ofIdentity reports whether the identity alone determines the header.
func (t *Template) ofIdentity() bool {
	return !slices.ContainsFunc(t.References(), Reference.OfRequest)
}

// render fills in the template. ok is false where a reference is missing: the
// header is then not sent at all.
func (t *Template) render(resolve func(Reference) (any, bool)) (value string, ok bool) {
	var b strings.Builder
	for i, p := range t.parts {
		if p.ref.IsZero() {
			b.WriteString(p.literal)
			continue
		}
		v, ok := resolve(p.ref)
		if !ok {
			return "", false
		}
		encoded, ok := encodeHeader(v)
		if !ok {
			return "", false
		}
		if len(t.parts) == 1 {
			return encoded, true
		}
		// Where another reference follows, this one must end where the text
		// between them begins: otherwise two identities could look alike.
		if i+2 < len(t.parts) {
			encoded = percentEncodeByte(encoded, t.parts[i+1].literal[0])
		}
		b.WriteString(encoded)
	}
	return b.String(), true
}
