package authn

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// CarrierSettings say where credentials stand and whether they go upstream;
// every authenticator has them.
type CarrierSettings struct {
	// Header is the field that carries the credential, Authorization unless set.
	Header string `yaml:"header"`
	// Scheme stands before the value, compared without case. Empty means a
	// bare value.
	Scheme *string `yaml:"scheme"`
	// From lists several carriers, in place of Header and Scheme.
	From []FromSettings `yaml:"from"`
	// Forward passes a verified credential on to the upstream as it came.
	Forward bool `yaml:"forward_credential"`
}

// FromSettings is one carrier of a list.
type FromSettings struct {
	Header            string            `yaml:"header"`
	Scheme            *string           `yaml:"scheme"`
	Query             string            `yaml:"query"`
	Cookie            string            `yaml:"cookie"`
	WebsocketProtocol string            `yaml:"websocket_protocol"`
	Body              *policy.ClaimPath `yaml:"body"`
}

const authorization = "Authorization"

// from returns the list of carriers, also where the settings name only one.
func (s *CarrierSettings) from() []FromSettings {
	if s.From != nil {
		return s.From
	}
	return []FromSettings{{Header: s.Header, Scheme: s.Scheme}}
}

// Reads returns what is read of a request beside its carriers: nothing, but where
// an authenticator says otherwise.
func (s *CarrierSettings) Reads() []policy.Reference { return nil }

// carriers compiles the settings; defaultScheme is for an Authorization header
// without a scheme.
func (s *CarrierSettings) carriers(defaultScheme string) []Carrier {
	from := s.from()
	list := make([]Carrier, 0, len(from))
	for _, f := range from {
		list = append(list, f.carrier(defaultScheme))
	}
	return list
}

// carried compiles all of the settings.
func (s *CarrierSettings) carried(defaultScheme string) carried {
	return carried{s.carriers(defaultScheme), s.Forward}
}

func (f *FromSettings) carrier(defaultScheme string) Carrier {
	c := Carrier{Query: f.Query, Cookie: f.Cookie, Protocol: strings.ToLower(f.WebsocketProtocol)}
	if f.Body != nil {
		c.Body = f.Body.String()
	}
	if f.Header != "" {
		c.Header = http.CanonicalHeaderKey(f.Header)
	} else if c == (Carrier{}) {
		c.Header = authorization
	}
	switch {
	case f.Scheme != nil:
		c.Scheme = *f.Scheme
	case c.Header == authorization:
		c.Scheme = defaultScheme
	}
	return c
}

// places counts where the settings say that the credential stands.
func (f *FromSettings) places() (n int) {
	for _, given := range [...]bool{f.Header != "", f.Query != "", f.Cookie != "", f.WebsocketProtocol != "", f.Body != nil} {
		if given {
			n++
		}
	}
	return n
}

func (s *CarrierSettings) check(at policy.Path, defaultScheme string, problems *policy.Problems) {
	if s.From != nil && (s.Header != "" || s.Scheme != nil) {
		problems.Addf(at.At("from"), "from stands in place of header and scheme: use one or the other")
	}
	if s.From != nil && len(s.From) == 0 {
		problems.Addf(at.At("from"), "an empty list carries nothing")
	}
	from := s.from()
	seen := make([]Carrier, 0, len(from))
	for i, c := range s.carriers(defaultScheme) {
		place := at
		if s.From != nil {
			place = at.At("from", i)
		}
		switch {
		case from[i].places() > 1:
			problems.Addf(place, "wants one of header, query, cookie, websocket_protocol and body")
		case c.Scheme != "" && !httpguts.ValidHeaderFieldName(c.Scheme):
			problems.Addf(place.At("scheme"), "%q is no scheme: use one word", c.Scheme)
		case slices.ContainsFunc(seen, c.Overlaps):
			problems.Addf(place, "the same carrier stands twice")
		case c.Header == "":
			c.checkPlace(place, problems)
		case !httpguts.ValidHeaderFieldName(c.Header) || c.Header != authorization && policy.HeaderUseOf(c.Header) != 0:
			problems.Addf(place.At("header"), "%q cannot carry a credential", c.Header)
		case policy.CanonicalAlias(c.Header) != c.Header:
			problems.Addf(place.At("header"), "%q: use letters, digits and hyphens only, since backends read other names alike", c.Header)
		case c.Header == authorization && from[i].Scheme == nil && defaultScheme == "":
			problems.Addf(place, "scheme is missing: name the word before the value, or write scheme: \"\" for a bare one")
		}
		seen = append(seen, c)
	}
}

// checkPlace reports what is wrong with a carrier that is no header.
func (c Carrier) checkPlace(at policy.Path, problems *policy.Problems) {
	switch {
	case c.Protocol != "" && !httpguts.ValidHeaderFieldName(c.Protocol):
		problems.Addf(at.At("websocket_protocol"), "%q is no subprotocol: use one word", c.Protocol)
	case c.Protocol != "" && c.Scheme != "":
		problems.Addf(at.At("scheme"), "a subprotocol has no room for a scheme")
	case c.Cookie != "" && !httpguts.ValidHeaderFieldName(c.Cookie):
		problems.Addf(at.At("cookie"), "%q is no name of a cookie", c.Cookie)
	case strings.Contains(c.Body, "[*]"):
		problems.Addf(at.At("body"), "a credential stands in one place: use an index")
	}
}
