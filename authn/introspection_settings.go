package authn

import (
	"reflect"

	"postern/keys"
	"postern/policy"
)

// IntrospectionSettings configure an authenticator of opaque tokens, which asks
// the authorization server about them (RFC 7662).
type IntrospectionSettings struct {
	CarrierSettings `yaml:",inline"`
	ServiceSettings `yaml:",inline"`
	// URL is that of the introspection endpoint.
	URL string `yaml:"url"`
	// ClientID and ClientSecret are Postern's own at the server; ClientAuth says
	// where they stand, as RFC 6749, section 2.3.1, has it: basic, in the header, or
	// post, in the body.
	ClientID     string     `yaml:"client_id"`
	ClientSecret keys.Value `yaml:"client_secret"`
	ClientAuth   string     `yaml:"client_auth" words:"basic post"`

	// Issuer, Audience, Claims and Scopes are what the answer is held to, as the
	// claims of a JWT are.
	Issuer   policy.OneOrMore[string] `yaml:"issuer"`
	Audience policy.OneOrMore[string] `yaml:"audience"`
	Claims   map[string]any           `yaml:"claims"`
	Scopes   policy.OneOrMore[string] `yaml:"scopes"`

	// CustomerID names the customer; without it the level is application.
	CustomerID         policy.Reference `yaml:"customer_id"`
	CustomerIDOptional bool             `yaml:"customer_id_optional"`
	AllowAnyAudience   bool             `yaml:"allow_any_audience"`
}

// The values of client_auth.
const (
	clientAuthBasic = "basic"
	clientAuthPost  = "post"
)

// SetDefaults fills in what the configuration leaves out.
func (s *IntrospectionSettings) SetDefaults() {
	s.ServiceSettings.SetDefaults()
	s.ClientAuth = clientAuthBasic
}

// Check reports what is wrong with the settings.
func (s *IntrospectionSettings) Check(at policy.Path, problems *policy.Problems) {
	s.check(at, bearer, problems)
	s.checkService(at, problems)
	s.checkURL(at, s.URL, problems)
	if s.ClientID == "" {
		problems.Addf(at, "client_id is missing: a server answers only those whom it knows (RFC 7662, section 2.1)")
	}
	if s.ClientSecret == (keys.Value{}) {
		problems.Addf(at, "client_secret is missing")
	}
	s.asJWT().checkIssuerAndAudience(at, problems)
	if _, bound := s.Claims["client_id"]; s.Audience == nil && !bound && !s.AllowAnyAudience {
		problems.Addf(at, "audience is missing: the server knows tokens for others, too (or claims: { client_id: … }, or allow_any_audience: true)")
	}
	policy.CheckFixedClaims(at.At("claims"), s.Claims, problems)
	switch s.CustomerID.Source {
	case policy.SourceNone, policy.Claim:
	default:
		problems.Addf(at.At("customer_id"), "%s cannot name the customer: use claims.<path>, of the server's answer", s.CustomerID)
	}
	checkOptional(at, s.CustomerID, s.CustomerIDOptional, problems)
}

// asJWT returns the settings of a JWT that says of itself what the server says of
// an opaque token.
func (s *IntrospectionSettings) asJWT() *JWTSettings {
	return &JWTSettings{
		Issuer: s.Issuer, Audience: s.Audience, Claims: s.Claims, Scopes: s.Scopes, ClockSkew: policy.Duration(defaultClockSkew),
		CustomerID: s.CustomerID, CustomerIDOptional: s.CustomerIDOptional, AllowAnyAudience: s.AllowAnyAudience,
	}
}

// Load reads the client secret; what is wrong with it is reported.
func (s *IntrospectionSettings) Load(at policy.Path, l keys.Loader, problems *policy.Problems) []byte {
	if s.ClientSecret == (keys.Value{}) {
		return nil // reported by Check
	}
	secret, err := l.Secret(s.ClientSecret)
	if err != nil {
		problems.Addf(at.At("client_secret"), "%v", err)
	}
	return secret
}

// Carriers returns where the credential may stand.
func (s *IntrospectionSettings) Carriers() []Carrier { return s.carriers(bearer) }

// Customer returns what names the customer, and whether an identity can be without.
func (s *IntrospectionSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, s.CustomerIDOptional
}

// NewIntrospection compiles the authenticator. The settings have passed Check,
// secret is their client_secret; tokens over tokenBytes are refused.
func NewIntrospection(name string, s *IntrospectionSettings, secret []byte, cache *Cache, tokenBytes int) *Introspection {
	i := &Introspection{
		opaque:     opaque{s.carried(bearer)},
		name:       name,
		settings:   *s,
		secret:     policy.Secret(secret),
		rules:      claimRules{*s.asJWT(), policy.FixedClaims(s.Claims)},
		tokenBytes: tokenBytes,
		inquiry:    newInquiry(&s.ServiceSettings, s.URL, cache),
	}
	i.inquiry.verify, i.inquiry.unavailable = i.verify, policy.IntrospectionUnavailable
	return i
}

// Same implements [Inquirer].
func (i *Introspection) Same(other Inquirer) bool {
	o, ok := other.(*Introspection)
	return ok && i.name == o.name && i.secret == o.secret && i.tokenBytes == o.tokenBytes &&
		i.inquiry.cache.cache == o.inquiry.cache.cache && reflect.DeepEqual(i.settings, o.settings)
}
