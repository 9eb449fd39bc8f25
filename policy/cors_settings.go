package policy

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// CORSSettings configure which pages of other origins may use a route.
type CORSSettings struct {
	// Origins are scheme://host[:port] of pages, or "*" alone; none are
	// allowed where the list is empty.
	Origins OneOrMore[string] `yaml:"origins"`
	Methods OneOrMore[string] `yaml:"methods"`
	Headers OneOrMore[string] `yaml:"headers"`
	// MaxAge is how long a browser may remember the answer to a preflight.
	MaxAge Duration `yaml:"max_age"`
	// Credentials lets browsers send cookies and client certificates along.
	Credentials bool `yaml:"credentials"`
}

// SetDefaults fills in what the configuration leaves out: the methods that a
// page needs no leave for, and the headers of a call with a token.
func (s *CORSSettings) SetDefaults() {
	s.Methods = OneOrMore[string]{http.MethodGet, http.MethodHead, http.MethodPost}
	s.Headers = OneOrMore[string]{"Authorization", "Content-Type"}
	s.MaxAge = Duration(10 * time.Minute)
}

// Check reports what is wrong with the settings; nil has no fault.
func (s *CORSSettings) Check(at Path, problems *Problems) {
	if s == nil {
		return
	}
	if s.Origins == nil {
		problems.Addf(at, "origins is missing")
	}
	for i, origin := range s.Origins {
		place := at.At("origins", i)
		switch {
		case origin == anyOrigin && s.Credentials:
			problems.Addf(place, "with credentials, every page that a customer visits could act as the customer: name the origins")
		case origin == anyOrigin && len(s.Origins) > 1:
			problems.Addf(place, "stands for every origin, so that the others say nothing")
		case origin != anyOrigin && !isOrigin(origin):
			problems.Addf(place, notAnOrigin, origin)
		}
	}
	for i, method := range s.Methods {
		if !isName(method) || strings.ToUpper(method) != method {
			problems.Addf(at.At("methods", i), "%q is no method: name each, in upper case", method)
		}
	}
	for i, name := range s.Headers {
		if !isName(name) {
			problems.Addf(at.At("headers", i), "%q is no header: name each", name)
		}
	}
}

const notAnOrigin = "%q is no origin: use scheme://host or scheme://host:port, in lower case"

var originSyntax = regexp.MustCompile(`^([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)

// isOrigin reports whether a browser could send the text as an Origin (RFC
// 6454, section 6.2): origins are compared as a whole, and never have the
// default port.
func isOrigin(text string) bool {
	parts := originSyntax.FindStringSubmatch(text)
	return parts != nil && !slices.Contains([]string{"http:80", "https:443"}, parts[1]+parts[3])
}

// isName reports whether the text names one method or header. In an answer *
// would stand for all.
func isName(text string) bool { return httpguts.ValidHeaderFieldName(text) && text != "*" }
