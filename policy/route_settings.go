package policy

import (
	"cmp"
	"net/http"
	"time"
)

// RouteSettings configure one route.
type RouteSettings struct {
	// Name is the first pattern where it is left out.
	Name     string             `yaml:"name"`
	Match    OneOrMore[Pattern] `yaml:"match"`
	Upstream string             `yaml:"upstream"`
	// Authenticate lists alternatives; an item that is a list is a group.
	Authenticate    []OneOrMore[string]  `yaml:"authenticate"`
	Consistency     []RuleSettings       `yaml:"consistency"`
	IdentityHeaders map[string]*Template `yaml:"identity_headers"`
	Require         RequirementSettings  `yaml:"require"`
	// Mode is enforce, or report, which lets through what it would deny, and may end
	// at a date.
	Mode  Mode      `yaml:"mode" words:"enforce report"`
	Until time.Time `yaml:"until"`

	LoosePaths        bool      `yaml:"loose_paths"`
	AllowEncodedSlash bool      `yaml:"allow_encoded_slash"`
	StripPrefix       string    `yaml:"strip_prefix"`
	AddPrefix         string    `yaml:"add_prefix"`
	PreserveHost      bool      `yaml:"preserve_host"`
	Timeout           *Duration `yaml:"timeout"`
	ForwardCredential *bool     `yaml:"forward_credential"`

	// Body is what rules and carriers read.
	Body BodyKind `yaml:"body" words:"json form"`
	// BodyLimit is 1 MiB for bodies that are read, and none for others, where it
	// is left out.
	BodyLimit *Size `yaml:"body_limit"`
	// Origins are scheme://host[:port] of pages; required beside cookies.
	Origins           OneOrMore[string] `yaml:"origins"`
	PassAuthorization bool              `yaml:"pass_authorization"`
	Strip             Strip             `yaml:"strip"`

	// Denials names a format.
	Denials string `yaml:"denials"`
	// CORS replaces the global policy for pages of other origins.
	CORS *CORSSettings `yaml:"cors"`

	// Streams overrides the global settings of streams, key by key.
	Streams *StreamSettings `yaml:"streams"`
	// Upgrade lists the protocols that clients may switch to: websocket.
	Upgrade OneOrMore[string] `yaml:"upgrade" words:"websocket"`
}

// RuleSettings configure one consistency rule.
type RuleSettings struct {
	Identity Reference `yaml:"identity"`
	Request  Reference `yaml:"request"`
	Required bool      `yaml:"required"`
	When     []Level   `yaml:"when" words:"anonymous application customer"`

	Op          Operator `yaml:"op" words:"equal in"`
	UnsignedIDs []string `yaml:"unsigned_ids"`

	// Profile is, in place of Request, the path of what is compared in the profile
	// that the authenticator With is told by the customer's API.
	Profile ClaimPath `yaml:"profile"`
	With    string    `yaml:"with"`
}

// compared returns what the identity is compared with.
func (s *RuleSettings) compared() Reference {
	if s.Profile.String() == "" {
		return s.Request
	}
	return Reference{Source: Profile, Path: s.Profile, text: "profile." + s.Profile.String()}
}

// SetDefaults fills in what the configuration leaves out.
func (s *RouteSettings) SetDefaults() {
	s.Mode, s.PreserveHost = Enforce, true
	s.Body = JSONBody
}

// SetDefaults fills in what the configuration leaves out.
func (s *RuleSettings) SetDefaults() {
	s.Identity, s.Required = Reference{Source: CustomerID, text: "customer_id"}, true
	s.Op = Equals
}

// Common is what routes have where they say nothing else.
type Common struct {
	// IdentityHeaders and Strip are for every route, beside its own.
	IdentityHeaders map[string]*Template
	Strip           Strip
	// Denials are the formats by name; that of [DefaultDenials] need not be there.
	Denials map[string]*DenialFormat
	CORS    *CORS
}

// NewRoutes compiles routes. Settings at fault are compiled as far as they go, so
// that the faults between routes are found together with those inside them.
func NewRoutes(settings []RouteSettings, common Common) []*Route {
	routes := make([]*Route, 0, len(settings))
	headers := NewHeaderSet(common.IdentityHeaders)
	rules := ruleLists{}
	for i := range settings {
		s := &settings[i]
		r := &Route{
			Index:             i,
			Name:              s.routeName(),
			LoosePaths:        s.LoosePaths,
			EncodedSlash:      s.AllowEncodedSlash,
			Headers:           headers,
			ForwardCredential: s.ForwardCredential,
			Upstream:          s.Upstream,
			StripPrefix:       s.StripPrefix,
			AddPrefix:         s.AddPrefix,
			PreserveHost:      s.PreserveHost,
			Require:           NewRequirement(&s.Require),
			Report:            s.Mode == Report,
			ReportUntil:       s.Until,
			BodyForm:          s.Body == FormBody,
			BodyLimit:         int64(s.MaxBody()),
			LimitsBody:        s.BodyLimit != nil,
			Origins:           s.Origins,
			PassAuthorization: s.PassAuthorization,
			Denials:           common.Denials[cmp.Or(s.Denials, DefaultDenials)],
			CORS:              cmp.Or(NewCORS(s.CORS), common.CORS),
			Strip:             s.Strip.merged(common.Strip),
			Websocket:         len(s.Upgrade) > 0,
		}
		for k := range s.Match {
			if s.Match[k].String() != "" {
				r.Patterns = append(r.Patterns, &s.Match[k])
			}
		}
		for _, alternative := range s.Authenticate {
			r.Alternatives = append(r.Alternatives, alternative)
		}
		r.Rules = rules.of(s.Consistency)
		if len(s.IdentityHeaders) > 0 {
			r.Headers = NewHeaderSet(mergeHeaders(common.IdentityHeaders, s.IdentityHeaders))
		}
		if s.Timeout != nil {
			r.Timeout = s.Timeout.Std()
		}
		routes = append(routes, r)
	}
	return routes
}

// MaxBody is how large a body that is read may be.
func (s *RouteSettings) MaxBody() Size {
	if s.BodyLimit == nil {
		return 1 << 20
	}
	return *s.BodyLimit
}

func (s *RouteSettings) routeName() string {
	if s.Name != "" || len(s.Match) == 0 {
		return s.Name
	}
	return s.Match[0].String()
}

// mergeHeaders adds a route's headers to the global ones. Names are compared
// in canonical form; a null removes.
func mergeHeaders(global, own map[string]*Template) map[string]*Template {
	merged := make(map[string]*Template, len(global)+len(own))
	for _, templates := range []map[string]*Template{global, own} {
		for name, template := range templates {
			merged[http.CanonicalHeaderKey(name)] = template
		}
	}
	return merged
}
