package authn

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// Carrier is a place in a request where a credential may stand: a header, with
// a scheme before the value or, where Scheme is empty, bare.
type Carrier struct {
	Header string // canonical
	Scheme string
}

// Read looks for the credential in a header. present is true where the
// request carries this carrier at all, be it empty or broken; an Authorization
// header with another scheme is not this carrier. The grammar is: scheme, one
// space, one value without white space.
func (c Carrier) Read(h http.Header) (value string, present bool, err error) {
	fields := h[c.Header]
	if len(fields) == 0 {
		return "", false, nil
	}
	if len(fields) > 1 {
		return "", true, policy.Denyf(policy.MalformedRequest, "%s is sent more than once", c.Header)
	}
	value = fields[0]
	if c.Scheme != "" {
		end := strings.IndexAny(value, " \t")
		if end < 0 {
			end = len(value)
		}
		// The length keeps out what folds to ASCII only in Unicode.
		if end != len(c.Scheme) || !strings.EqualFold(value[:end], c.Scheme) {
			return "", false, nil
		}
		value = strings.TrimPrefix(value[end:], " ")
	}
	if value == "" || strings.ContainsFunc(value, notCredentialByte) {
		return "", true, policy.Denyf(policy.MalformedCredential, "%s wants %s", c.Header, c.grammar())
	}
	return value, true, nil
}

func (c Carrier) grammar() string {
	if c.Scheme == "" {
		return "one value without white space"
	}
	return "the scheme " + c.Scheme + ", one space and one value without white space"
}

func notCredentialByte(r rune) bool { return r <= ' ' || r >= 0x7f }

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
	Header            string             `yaml:"header"`
	Scheme            *string            `yaml:"scheme"`
	Query             policy.Unsupported `yaml:"query"`
	Cookie            policy.Unsupported `yaml:"cookie"`
	WebsocketProtocol policy.Unsupported `yaml:"websocket_protocol"`
	Body              policy.Unsupported `yaml:"body"`
}

const authorization = "Authorization"

// from returns the list of carriers, also where the settings name only one.
func (s *CarrierSettings) from() []FromSettings {
	if s.From != nil {
		return s.From
	}
	return []FromSettings{{Header: s.Header, Scheme: s.Scheme}}
}

// carriers compiles the settings; defaultScheme is for an Authorization header
// without a scheme.
func (s *CarrierSettings) carriers(defaultScheme string) []Carrier {
	from := s.from()
	list := make([]Carrier, 0, len(from))
	for _, f := range from {
		c := Carrier{Header: authorization}
		if f.Header != "" {
			c.Header = http.CanonicalHeaderKey(f.Header)
		}
		switch {
		case f.Scheme != nil:
			c.Scheme = *f.Scheme
		case c.Header == authorization:
			c.Scheme = defaultScheme
		}
		list = append(list, c)
	}
	return list
}

// notCarriers are fields that a server or proxy reads itself.
var notCarriers = []string{"Connection", "Content-Length", "Content-Type", "Cookie", "Host",
	"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

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
		case !httpguts.ValidHeaderFieldName(c.Header) || slices.Contains(notCarriers, c.Header):
			problems.Addf(place.At("header"), "%q cannot carry a credential", c.Header)
		case policy.CanonicalAlias(c.Header) != c.Header:
			problems.Addf(place.At("header"), "%q: use letters, digits and hyphens only, since backends read other names alike", c.Header)
		case c.Scheme != "" && !httpguts.ValidHeaderFieldName(c.Scheme):
			problems.Addf(place.At("scheme"), "%q is no scheme: use one word", c.Scheme)
		case c.Header == authorization && from[i].Scheme == nil && defaultScheme == "":
			problems.Addf(place, "scheme is missing: name the word before the value, or write scheme: \"\" for a bare one")
		case slices.ContainsFunc(seen, c.Overlaps):
			problems.Addf(place, "the same carrier stands twice")
		}
		seen = append(seen, c)
	}
}

// Overlaps reports whether one header field could be read as either carrier.
func (c Carrier) Overlaps(o Carrier) bool {
	return c.Header == o.Header && (c.Scheme == "" || o.Scheme == "" || strings.EqualFold(c.Scheme, o.Scheme))
}
