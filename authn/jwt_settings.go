package authn

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// JWTSettings configure an authenticator of signed tokens.
type JWTSettings struct {
	CarrierSettings `yaml:",inline"`
	Keys            keys.Settings `yaml:"keys"`
	// Algorithms are the JOSE names that are accepted; never the token's choice.
	Algorithms []string `yaml:"algorithms" words:"HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA"`
	// Issuer lists accepted values of iss.
	Issuer policy.OneOrMore[string] `yaml:"issuer"`
	// Audience: one of these must be in aud. AudienceAll: each of these must.
	Audience    policy.OneOrMore[string] `yaml:"audience"`
	AudienceAll policy.OneOrMore[string] `yaml:"audience_all"`

	RequiredClaims  []policy.ClaimPath `yaml:"required_claims"`
	ForbiddenClaims []policy.ClaimPath `yaml:"forbidden_claims"`
	// Claims maps a claim's path to the value that it, or one element of it,
	// must equal.
	Claims map[string]any           `yaml:"claims"`
	Scopes policy.OneOrMore[string] `yaml:"scopes"`

	// ClockSkew is how far the issuer's clock may be off.
	ClockSkew policy.Duration `yaml:"clock_skew"`
	// MaxLifetime bounds exp - iat, MaxAge the time since iat.
	MaxLifetime *policy.Duration `yaml:"max_lifetime"`
	MaxAge      *policy.Duration `yaml:"max_age"`
	RequireExp  bool             `yaml:"require_exp"`
	// Typ is the wanted typ of the header (RFC 8725, section 3.11).
	Typ string `yaml:"typ"`

	// CustomerID names the customer; without it the level is application.
	CustomerID         policy.Reference `yaml:"customer_id"`
	CustomerIDOptional bool             `yaml:"customer_id_optional"`

	AllowWeakSecret  bool `yaml:"allow_weak_secret"`
	AllowAnyIssuer   bool `yaml:"allow_any_issuer"`
	AllowAnyAudience bool `yaml:"allow_any_audience"`
}

const (
	defaultClockSkew = 30 * time.Second
	maxClockSkew     = 10 * time.Minute
	bearer           = "Bearer"
)

// SetDefaults fills in what the configuration leaves out.
func (s *JWTSettings) SetDefaults() {
	s.ClockSkew, s.RequireExp = policy.Duration(defaultClockSkew), true
	s.Keys.SetDefaults()
}

// Check reports what is wrong with the settings.
func (s *JWTSettings) Check(at policy.Path, problems *policy.Problems) {
	s.check(at, bearer, problems)
	s.Keys.Check(at.At("keys"), problems)
	s.checkAlgorithms(at, problems)
	s.checkIssuerAndAudience(at, problems)
	policy.CheckFixedClaims(at.At("claims"), s.Claims, problems)
	if s.ClockSkew.Std() > maxClockSkew {
		problems.Addf(at.At("clock_skew"), "wants %s at most", maxClockSkew)
	}
	for key, limit := range map[string]*policy.Duration{"max_lifetime": s.MaxLifetime, "max_age": s.MaxAge} {
		if limit != nil && *limit <= 0 {
			problems.Addf(at.At(key), "wants more than 0s: leave it out to switch the check off")
		}
	}
	s.checkCustomerID(at, problems)
}

func (s *JWTSettings) checkAlgorithms(at policy.Path, problems *policy.Problems) {
	if len(s.Algorithms) == 0 {
		problems.Addf(at, "algorithms is missing: name those that the issuer signs with, such as [RS256]")
	}
	for i, name := range s.Algorithms {
		place := at.At("algorithms", i)
		algorithm, ok := keys.LookupAlgorithm(name)
		switch {
		case !ok:
			problems.Addf(place, "%q is no algorithm: use %s", name, strings.Join(keys.AlgorithmNames(), ", "))
		case algorithm.Symmetric() != s.Keys.Symmetric():
			problems.Addf(place, "%s does not fit the kind of keys: HS256, HS384 and HS512 go with secrets, all others with public keys", name)
		case slices.Index(s.Algorithms, name) != i:
			problems.Addf(place, "%s stands twice", name)
		}
	}
}

// checkIssuerAndAudience: keys that an identity provider publishes sign tokens
// for others, too; a token must say that it is from the right one and for us.
func (s *JWTSettings) checkIssuerAndAudience(at policy.Path, problems *policy.Problems) {
	for key, list := range map[string]policy.OneOrMore[string]{
		"issuer": s.Issuer, "audience": s.Audience, "audience_all": s.AudienceAll, "scopes": s.Scopes,
	} {
		policy.CheckWanted(at.At(key), list, problems)
	}
	if s.AllowAnyIssuer && s.Issuer != nil {
		problems.Addf(at.At("allow_any_issuer"), "contradicts issuer")
	}
	if s.AllowAnyAudience && (s.Audience != nil || s.AudienceAll != nil) {
		problems.Addf(at.At("allow_any_audience"), "contradicts audience")
	}
	if !s.Keys.IsPublished() {
		return
	}
	if s.Issuer == nil && !s.AllowAnyIssuer {
		problems.Addf(at, "issuer is missing: a provider's keys need one (or allow_any_issuer: true)")
	}
	if s.Audience == nil && s.AudienceAll == nil && !s.AllowAnyAudience {
		problems.Addf(at, "audience is missing: a provider's keys sign tokens for others, too (or allow_any_audience: true)")
	}
}

func (s *JWTSettings) checkCustomerID(at policy.Path, problems *policy.Problems) {
	switch s.CustomerID.Source {
	case policy.SourceNone, policy.Claim, policy.Attribute:
	default:
		problems.Addf(at.At("customer_id"), "%s cannot name the customer: use claims.<path> or attributes.<name>", s.CustomerID)
	}
	checkOptional(at, s.CustomerID, s.CustomerIDOptional, problems)
}

func checkOptional(at policy.Path, customerID policy.Reference, optional bool, problems *policy.Problems) {
	if customerID.IsZero() && optional {
		problems.Addf(at.At("customer_id_optional"), "says nothing without customer_id")
	}
}

// CheckFits reports an algorithm that none of the keys can be used with; every
// token signed with it would be refused.
func (s *JWTSettings) CheckFits(set *keys.Static, at policy.Path, problems *policy.Problems) {
	if set.Len() == 0 {
		return // an empty list is honoured: nothing verifies
	}
	for i, name := range s.Algorithms {
		if algorithm, ok := keys.LookupAlgorithm(name); ok && algorithm.Symmetric() == s.Keys.Symmetric() && !set.Fits(name) {
			problems.Addf(at.At("algorithms", i), "%s fits none of the keys", name)
		}
	}
}

// Carriers returns where the credential may stand.
func (s *JWTSettings) Carriers() []Carrier { return s.carriers(bearer) }

// Customer returns what names the customer, and whether an identity can be without.
func (s *JWTSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, s.CustomerIDOptional
}

// Listed returns the keys that the configuration lists.
func (s *JWTSettings) Listed() []keys.Listed { return s.Keys.Listed() }

// NewJWT compiles the authenticator. The settings have passed Check; tokens
// over tokenBytes are refused.
func NewJWT(name string, s *JWTSettings, set KeySet, cache *Cache, tokenBytes int) *JWT {
	return &JWT{
		carried:    s.carried(bearer),
		claimRules: claimRules{*s, policy.FixedClaims(s.Claims)},
		name:       name,
		reads:      s.Reads(),
		keys:       set,
		tokenBytes: tokenBytes,
		cache:      cache.partition(),
	}
}

// Same reports whether both verify alike with the same keys, so that a reload
// can keep the older one and what it has cached.
func (j *JWT) Same(o *JWT) bool {
	return j.name == o.name && j.keys == o.keys && j.tokenBytes == o.tokenBytes &&
		j.cache.cache == o.cache.cache && reflect.DeepEqual(j.settings, o.settings)
}
