package policy

import (
	"net/http"
	"slices"
	"strings"
)

// HeaderSet is the identity headers of a route, compiled. It is immutable and
// safe for concurrent use; routes with the same headers share one.
type HeaderSet struct {
	fixed   []headerTemplate // of the identity alone
	perCall []headerTemplate // that name a part of the request, too
	sealer  Sealer           // of opaque ids; nil where there are none
}

type headerTemplate struct {
	name     string
	template *Template
}

// RenderedHeader is one header as the upstream receives it. Values has exactly
// one element and must not be changed: requests share it.
type RenderedHeader struct {
	Name   string
	Values []string
}

// NewHeaderSet compiles templates by header name; a nil template is skipped.
func NewHeaderSet(templates map[string]*Template) *HeaderSet {
	s := &HeaderSet{}
	for name, template := range templates {
		if template == nil {
			continue
		}
		h := headerTemplate{http.CanonicalHeaderKey(name), template}
		if template.ofIdentity() {
			s.fixed = append(s.fixed, h)
		} else {
			s.perCall = append(s.perCall, h)
		}
	}
	byName := func(a, b headerTemplate) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(s.fixed, byName)
	slices.SortFunc(s.perCall, byName)
	return s
}

// Same reports whether both sets send the same headers.
func (s *HeaderSet) Same(o *HeaderSet) bool {
	same := func(a, b headerTemplate) bool { return a.name == b.name && a.template.text == b.template.text }
	return slices.EqualFunc(s.fixed, o.fixed, same) && slices.EqualFunc(s.perCall, o.perCall, same)
}

// RenderFixed renders the headers that the identity alone determines; the
// result can be kept as long as the identity.
func (s *HeaderSet) RenderFixed(id *Identity) []RenderedHeader {
	rendered := make([]RenderedHeader, 0, len(s.fixed))
	resolve := func(ref Reference) (any, bool) { return id.resolveSealed(ref, s.sealer) }
	for _, h := range s.fixed {
		if value, ok := h.template.render(resolve); ok {
			rendered = append(rendered, RenderedHeader{h.name, []string{value}})
		}
	}
	return rendered
}

// SetPerCall sets in header those that also name parts of the request, which
// request resolves.
func (s *HeaderSet) SetPerCall(header http.Header, id *Identity, request func(Reference) (any, bool)) {
	for _, h := range s.perCall {
		value, ok := h.template.render(func(ref Reference) (any, bool) {
			if ref.OfRequest() {
				return request(ref)
			}
			return id.resolveSealed(ref, s.sealer)
		})
		if ok {
			header[h.name] = []string{value}
		}
	}
}

// CanonicalAlias returns the canonical name of the header for which a backend
// might take name: every byte outside [A-Za-z0-9] counts as a hyphen, and case
// does not count (CGI and WSGI read X_Customer_Id and X-Customer-Id alike). For
// a name that is canonical already it returns name itself, without allocating.
func CanonicalAlias(name string) string {
	if isCanonical(name) {
		return name
	}
	if i := strings.IndexFunc(name, notHeaderByte); i >= 0 {
		name = strings.Map(func(r rune) rune {
			if notHeaderByte(r) {
				return '-'
			}
			return r
		}, name)
	}
	return http.CanonicalHeaderKey(name)
}

// isCanonical reports whether name surely is what [CanonicalAlias] returns for it: of
// letters, digits and hyphens alone, with upper case at the beginning of each word and
// nowhere else. Nearly all names are, after net/http has read them.
func isCanonical(name string) bool {
	begins := true
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z':
			if begins {
				return false
			}
		case 'A' <= c && c <= 'Z':
			if !begins {
				return false
			}
		case '0' <= c && c <= '9':
		case c == '-':
			begins = true
			continue
		default:
			return false
		}
		begins = false
	}
	return true
}

func notHeaderByte(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
}
