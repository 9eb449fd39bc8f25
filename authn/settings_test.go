package authn_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// messages renders problems; those of one setting may come in any order.
func messages(problems policy.Problems) []string {
	var list []string
	for _, p := range problems.List {
		list = append(list, p.Path.String()+": "+p.Message)
	}
	slices.Sort(list)
	return list
}

func TestJWTSettingsCheck(t *testing.T) {
	type settings = authn.JWTSettings
	remote := func(s *settings) {
		s.Keys.Secrets, s.Keys.JWKSURL, s.Algorithms = nil, "https://idp.example.com/jwks", []string{"RS256"}
	}
	for name, test := range map[string]struct {
		edit func(s *settings)
		want []string
	}{
		"no fault": {nil, nil},
		"no algorithms": {func(s *settings) { s.Algorithms = nil }, []string{
			"web: algorithms is missing: name those that the issuer signs with, such as [RS256]",
		}},
		"algorithms": {func(s *settings) { s.Algorithms = []string{"HS256", "none", "hs256", "RS256", "HS256"} }, []string{
			`web.algorithms[1]: "none" is no algorithm: use HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`,
			`web.algorithms[2]: "hs256" is no algorithm: use HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`,
			"web.algorithms[3]: RS256 does not fit the kind of keys: HS256, HS384 and HS512 go with secrets, all others with public keys",
			"web.algorithms[4]: HS256 stands twice",
		}},
		"keys are checked, too": {func(s *settings) { s.Keys.JWKSFile = "jwks.json" }, []string{
			"web.keys: wants exactly one of secrets, secrets_file, public_keys, jwks_file, jwks_url, discovery, x509_url and keyring_file",
			"web: audience is missing: a provider's keys sign tokens for others, too (or allow_any_audience: true)",
			"web: issuer is missing: a provider's keys need one (or allow_any_issuer: true)",
		}},
		"a provider without issuer and audience": {remote, []string{
			"web: audience is missing: a provider's keys sign tokens for others, too (or allow_any_audience: true)",
			"web: issuer is missing: a provider's keys need one (or allow_any_issuer: true)",
		}},
		"a provider with both":   {func(s *settings) { remote(s); s.Issuer, s.AudienceAll = []string{"i"}, []string{"a"} }, nil},
		"a provider of anything": {func(s *settings) { remote(s); s.AllowAnyIssuer, s.AllowAnyAudience = true, true }, nil},
		"a provider with a shared secret's algorithm": {func(s *settings) {
			remote(s)
			s.Algorithms, s.AllowAnyIssuer, s.AllowAnyAudience = []string{"HS256"}, true, true
		}, []string{"web.algorithms[0]: HS256 does not fit the kind of keys: HS256, HS384 and HS512 go with secrets, all others with public keys"}},
		"any and one": {func(s *settings) {
			s.AllowAnyIssuer, s.AllowAnyAudience, s.Issuer, s.AudienceAll = true, true, []string{"i"}, []string{"a"}
		}, []string{"web.allow_any_audience: contradicts audience", "web.allow_any_issuer: contradicts issuer"}},
		"empty lists": {func(s *settings) {
			s.Issuer, s.Audience, s.AudienceAll, s.Scopes = []string{}, []string{"a", ""}, []string{""}, []string{}
		}, []string{
			"web.audience: an empty list or name would switch the check off: leave the key out for that",
			"web.audience_all: an empty list or name would switch the check off: leave the key out for that",
			"web.issuer: an empty list or name would switch the check off: leave the key out for that",
			"web.scopes: an empty list or name would switch the check off: leave the key out for that",
		}},
		"claims": {func(s *settings) { s.Claims = map[string]any{"a.b": "x", "a b": "y", "": "z"} }, []string{
			`web.claims.: the path is empty`,
			`web.claims.a b: "a b": a name with ' ' must be quoted, as ["the whole name"]`,
		}},
		"times": {func(s *settings) {
			s.ClockSkew = policy.Duration(10*time.Minute + 1)
			s.MaxLifetime, s.MaxAge = duration(0), duration(0)
		}, []string{
			"web.clock_skew: wants 10m0s at most",
			"web.max_age: wants more than 0s: leave it out to switch the check off",
			"web.max_lifetime: wants more than 0s: leave it out to switch the check off",
		}},
		"widest times": {func(s *settings) {
			s.ClockSkew, s.MaxLifetime, s.MaxAge = policy.Duration(10*time.Minute), duration(1), duration(1)
		}, nil},
		"customer":  {func(s *settings) { s.CustomerID, s.CustomerIDOptional = reference(t, "claims.sub"), true }, nil},
		"attribute": {func(s *settings) { s.CustomerID = reference(t, "attributes.customer") }, nil},
		"customer of something else": {func(s *settings) { s.CustomerID = reference(t, "query.customer") }, []string{
			"web.customer_id: query.customer cannot name the customer: use claims.<path> or attributes.<name>",
		}},
		"customer of itself": {func(s *settings) { s.CustomerID = reference(t, "customer_id") }, []string{
			"web.customer_id: customer_id cannot name the customer: use claims.<path> or attributes.<name>",
		}},
		"optional and absent": {func(s *settings) { s.CustomerIDOptional = true }, []string{
			"web.customer_id_optional: says nothing without customer_id",
		}},
		"the carrier is checked, too": {func(s *settings) { s.Header = "X_Token" }, []string{
			`web.header: "X_token": use letters, digits and hyphens only, since backends read other names alike`,
		}},
	} {
		s := new(settings)
		s.SetDefaults()
		s.Keys, s.Algorithms = sharedSecret(), []string{"HS256"}
		if test.edit != nil {
			test.edit(s)
		}
		var problems policy.Problems
		s.Check(policy.Path{"web"}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The configuration knows every algorithm, and no other.
func TestAlgorithmWords(t *testing.T) {
	field, _ := reflect.TypeFor[authn.JWTSettings]().FieldByName("Algorithms")
	if got, want := field.Tag.Get("words"), strings.Join(keys.AlgorithmNames(), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestJWTDefaults(t *testing.T) {
	var s authn.JWTSettings
	s.SetDefaults()
	if s.ClockSkew.Std() != 30*time.Second || !s.RequireExp || s.Keys.Refresh.Std() != 5*time.Minute {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff([]authn.Carrier{{Header: "Authorization", Scheme: "Bearer"}}, s.Carriers()); diff != "" {
		t.Error(diff)
	}
}

func TestCheckFits(t *testing.T) {
	s := jwtSettings(t, func(s *authn.JWTSettings) {
		s.Keys, s.Algorithms = publicKeys(t, signers(rsaKey())), []string{"RS256", "ES256", "PS512", "EdDSA"}
	})
	var problems policy.Problems
	s.CheckFits(loadKeys(t, s.Keys), policy.Path{"web"}, &problems)
	want := []string{"web.algorithms[1]: ES256 fits none of the keys", "web.algorithms[3]: EdDSA fits none of the keys"}
	if diff := cmp.Diff(want, messages(problems)); diff != "" {
		t.Error(diff)
	}
	problems = policy.Problems{}
	s.CheckFits(loadKeys(t, keys.Settings{PublicKeys: []keys.PublicKeySettings{}}), policy.Path{"web"}, &problems)
	if problems.List != nil {
		t.Errorf("an empty list is not honoured: %v", messages(problems))
	}
}

func TestTokenSettingsCheck(t *testing.T) {
	type settings = authn.TokenSettings
	for name, test := range map[string]struct {
		edit func(s *settings)
		want []string
	}{
		"no fault":  {nil, nil},
		"no tokens": {func(s *settings) { s.Tokens = nil }, []string{"app: tokens is missing: list them, or name a tokens_file"}},
		"ids": {func(s *settings) {
			s.Tokens = []authn.StaticTokenSettings{static("a", "1"), static("", "2"), static("a", "3")}
		}, []string{
			`app.tokens[1]: id is missing`, `app.tokens[2].id: the id "a" stands twice`,
		}},
		"windows": {func(s *settings) {
			s.Tokens = []authn.StaticTokenSettings{static("a", "1"), static("b", "2"), static("c", "3")}
			s.Tokens[0].NotBefore, s.Tokens[0].NotAfter = at, at
			s.Tokens[1].NotBefore, s.Tokens[1].NotAfter = at, at.Add(-1)
			s.Tokens[2].NotBefore, s.Tokens[2].NotAfter = at, at.Add(1)
		}, []string{
			"app.tokens[0].not_after: the token ends before it begins", "app.tokens[1].not_after: the token ends before it begins",
		}},
		"customer": {func(s *settings) {
			s.CustomerID = reference(t, "attributes.customer")
			s.Tokens = []authn.StaticTokenSettings{static("a", "1"), static("b", "2"), static("c", "3")}
			s.Tokens[0].Attributes = map[string]string{"customer": "ann"}
			s.Tokens[1].Attributes = map[string]string{"customer": ""}
		}, []string{
			`app.tokens[1]: lacks the attribute "customer", which customer_id names`,
			`app.tokens[2]: lacks the attribute "customer", which customer_id names`,
		}},
		"customer of a claim": {func(s *settings) { s.CustomerID = reference(t, "claims.sub") }, []string{
			"app.customer_id: a static token has no claims.sub: use attributes.<name>",
		}},
	} {
		scheme := "Token"
		s := &settings{CarrierSettings: authn.CarrierSettings{Scheme: &scheme}, Tokens: []authn.StaticTokenSettings{static("a", "1")}}
		if test.edit != nil {
			test.edit(s)
		}
		var problems policy.Problems
		s.Check(policy.Path{"app"}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
