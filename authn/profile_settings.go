package authn

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// ProfileSettings configure an authenticator of opaque tokens, which calls the
// customer's own profile API with them.
type ProfileSettings struct {
	CarrierSettings `yaml:",inline"`
	ServiceSettings `yaml:",inline"`
	// URL is that of the API, with parts of the request in its path or query.
	URL ProfileTemplate `yaml:"url"`
	// Method is GET or POST, which is sent without a body.
	Method string `yaml:"method" words:"GET POST"`
	// Headers are sent in place of Authorization: Bearer {credential}; one of them
	// must name the credential.
	Headers map[string]*ProfileTemplate `yaml:"headers"`
	// InactiveOn are the statuses by which the API refuses a credential.
	InactiveOn policy.OneOrMore[int] `yaml:"inactive_on"`
	// CustomerID is the member of the answer that names the customer; without it
	// the level is application.
	CustomerID         policy.Reference `yaml:"customer_id"`
	CustomerIDOptional bool             `yaml:"customer_id_optional"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *ProfileSettings) SetDefaults() {
	s.ServiceSettings.SetDefaults()
	s.Method = http.MethodGet
	s.InactiveOn = policy.OneOrMore[int]{http.StatusUnauthorized}
}

// Check reports what is wrong with the settings.
func (s *ProfileSettings) Check(at policy.Path, problems *policy.Problems) {
	s.check(at, bearer, problems)
	s.checkService(at, problems)
	s.checkURL(at, s.URL.sample(), problems)
	s.checkReferences(at.At("url"), problems)
	s.checkHeaders(at, problems)
	for i, status := range s.InactiveOn {
		if status < 400 || status > 499 {
			problems.Addf(at.At("inactive_on", i), "%d: only 400 to 499 say that the credential is at fault", status)
		}
	}
	switch s.CustomerID.Source {
	case policy.SourceNone, policy.Profile:
	default:
		problems.Addf(at.At("customer_id"), "%s cannot name the customer: use profile.<path>, of the API's answer", s.CustomerID)
	}
	checkOptional(at, s.CustomerID, s.CustomerIDOptional, problems)
}

// checkReferences: no client may choose whom the credential is sent to, nor add a
// parameter, and credentials in URLs end up in logs.
func (s *ProfileSettings) checkReferences(at policy.Path, problems *policy.Problems) {
	before := ""
	for i, ref := range s.URL.refs {
		before += s.URL.literals[i]
		_, address, _ := strings.Cut(before, "//")
		_, query, inQuery := strings.Cut(address, "?")
		switch {
		case ref.IsZero():
			problems.Addf(at, "holds the credential, which would end up in logs: send it in a header")
		case !strings.Contains(address, "/"):
			problems.Addf(at, "%s stands in the host's place: references belong into the path or the query", ref)
		case inQuery && !strings.Contains(query[strings.LastIndexByte(query, '&')+1:], "="):
			problems.Addf(at, "%s stands in the place of a parameter's name", ref)
		}
		before += "x"
	}
}

func (s *ProfileSettings) checkHeaders(at policy.Path, problems *policy.Problems) {
	named := s.Headers == nil
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		place, template, canonical := at.At("headers", name), s.Headers[name], http.CanonicalHeaderKey(name)
		switch {
		case template == nil:
			problems.Addf(place, "has no value")
			continue
		case !httpguts.ValidHeaderFieldName(name) || policy.HeaderUseOf(canonical)&policy.ClientUse != 0:
			problems.Addf(place, "%q cannot be sent", name)
		case seen[canonical]:
			problems.Addf(place, "stands twice")
		case !httpguts.ValidHeaderFieldValue(template.sample()):
			problems.Addf(place, "holds a byte that no header can")
		}
		seen[canonical] = true
		named = named || template.namesCredential()
	}
	if !named {
		problems.Addf(at.At("headers"), "none of them names {credential}: the API would answer for every credential alike")
	}
}

// Carriers returns where the credential may stand.
func (s *ProfileSettings) Carriers() []Carrier { return s.carriers(bearer) }

// Customer returns what names the customer, and whether an identity can be without.
func (s *ProfileSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, s.CustomerIDOptional
}

// Reads returns the parts of the request that go into the question.
func (s *ProfileSettings) Reads() []policy.Reference {
	all := slices.Clone(s.URL.refs)
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		if s.Headers[name] != nil {
			all = append(all, s.Headers[name].refs...)
		}
	}
	return distinct(all)
}

// NewProfile compiles the authenticator. The settings have passed Check;
// credentials over tokenBytes are refused.
func NewProfile(name string, s *ProfileSettings, cache *Cache, tokenBytes int) *Profile {
	p := &Profile{
		opaque:     opaque{s.carried(bearer)},
		name:       name,
		settings:   *s,
		reads:      s.Reads(),
		tokenBytes: tokenBytes,
		inquiry:    newInquiry(&s.ServiceSettings, s.URL.sample(), cache),
	}
	for _, header := range slices.Sorted(maps.Keys(s.Headers)) {
		p.headers = append(p.headers, profileHeader{http.CanonicalHeaderKey(header), s.Headers[header]})
	}
	if s.Headers == nil {
		p.headers = []profileHeader{{authorization, bearerTemplate()}}
	}
	p.inquiry.verify, p.inquiry.unavailable = p.verify, policy.ProfileUnavailable
	return p
}

// Same implements [Inquirer].
func (p *Profile) Same(other Inquirer) bool {
	o, ok := other.(*Profile)
	return ok && p.name == o.name && p.tokenBytes == o.tokenBytes &&
		p.inquiry.cache.cache == o.inquiry.cache.cache && reflect.DeepEqual(p.settings, o.settings)
}
