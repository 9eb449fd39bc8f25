package policy

import (
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// Strip names parts of a request that end at Postern.
type Strip struct {
	Headers []string `yaml:"headers"`
	Query   []string `yaml:"query"`
	Cookies []string `yaml:"cookies"`
}

// Check reports what is wrong with the names.
func (s *Strip) Check(at Path, problems *Problems) {
	for i, name := range s.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if !httpguts.ValidHeaderFieldName(name) || CanonicalAlias(name) != canonical || headerUses[canonical] != 0 {
			problems.Addf(at.At("headers", i), "%q cannot be stripped: use the name of a plain header", name)
		}
	}
	for key, names := range map[string][]string{"query": s.Query, "cookies": s.Cookies} {
		for i, name := range names {
			if name == "" {
				problems.Addf(at.At(key, i), "the name is empty")
			}
		}
	}
}

// merged returns what both strip, headers in canonical form.
func (s Strip) merged(o Strip) Strip {
	m := Strip{
		Headers: slices.Concat(s.Headers, o.Headers),
		Query:   slices.Concat(s.Query, o.Query),
		Cookies: slices.Concat(s.Cookies, o.Cookies),
	}
	for i, name := range m.Headers {
		m.Headers[i] = http.CanonicalHeaderKey(name)
	}
	return m
}
