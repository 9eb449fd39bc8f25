package authn_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// claimsTest verifies a token with the claims, and an exp, under the settings.
type claimsTest struct {
	edit   func(s *authn.JWTSettings)
	claims string // members of the object
	want   policy.Reason
}

func testClaims(t *testing.T, tests []claimsTest) {
	t.Helper()
	for _, test := range tests {
		token := hs256(t, `{"exp":1000300`+test.claims+`}`)
		if _, got := verify(t, newJWT(t, test.edit), token); got != test.want {
			t.Errorf("%s: %v, want %v", test.claims, got, test.want)
		}
	}
}

func TestIssuer(t *testing.T) {
	const a, b = "https://a.example.com/", "https://b.example.com/"
	one := func(s *authn.JWTSettings) { s.Issuer = []string{a} }
	both := func(s *authn.JWTSettings) { s.Issuer = []string{a, b} }
	testClaims(t, []claimsTest{
		{nil, ``, policy.ReasonNone},
		{nil, `,"iss":"anyone"`, policy.ReasonNone},
		{one, `,"iss":"https://a.example.com/"`, policy.ReasonNone},
		{both, `,"iss":"https://b.example.com/"`, policy.ReasonNone},
		{one, `,"iss":"https://b.example.com/"`, policy.WrongIssuer},
		{one, `,"iss":"https://a.example.com"`, policy.WrongIssuer},
		{one, `,"iss":"https://A.example.com/"`, policy.WrongIssuer},
		{both, ``, policy.WrongIssuer},
		{both, `,"iss":null`, policy.WrongIssuer},
		{one, `,"iss":""`, policy.WrongIssuer},
		{one, `,"iss":["https://a.example.com/"]`, policy.WrongIssuer},
		{one, `,"ISS":"https://a.example.com/"`, policy.WrongIssuer},
	})
}

func TestAudience(t *testing.T) {
	any := func(s *authn.JWTSettings) { s.Audience = []string{"chat", "data"} }
	all := func(s *authn.JWTSettings) { s.AudienceAll = []string{"chat", "data"} }
	both := func(s *authn.JWTSettings) {
		s.Audience, s.AudienceAll = []string{"chat", "mail"}, []string{"data"}
	}
	testClaims(t, []claimsTest{
		{nil, `,"aud":"anyone"`, policy.ReasonNone},
		{nil, `,"aud":7`, policy.ReasonNone},
		{any, `,"aud":"chat"`, policy.ReasonNone},
		{any, `,"aud":["mail","data"]`, policy.ReasonNone},
		{any, `,"aud":"mail"`, policy.WrongAudience},
		{any, `,"aud":"Chat"`, policy.WrongAudience},
		{any, `,"aud":"chat data"`, policy.WrongAudience},
		{any, `,"aud":["chat",7]`, policy.WrongAudience},
		{any, `,"aud":["chat",null]`, policy.WrongAudience},
		{any, `,"aud":[["chat"]]`, policy.WrongAudience},
		{any, `,"aud":{"chat":true}`, policy.WrongAudience},
		{any, `,"aud":[]`, policy.WrongAudience},
		{any, `,"aud":null`, policy.WrongAudience},
		{any, ``, policy.WrongAudience},
		{all, `,"aud":["data","x","chat"]`, policy.ReasonNone},
		{all, `,"aud":["chat"]`, policy.WrongAudience},
		{all, `,"aud":"chat"`, policy.WrongAudience},
		{all, ``, policy.WrongAudience},
		{both, `,"aud":["data","mail"]`, policy.ReasonNone},
		{both, `,"aud":["data"]`, policy.WrongAudience},
		{both, `,"aud":["mail"]`, policy.WrongAudience},
	})
}

func TestRequiredAndForbiddenClaims(t *testing.T) {
	required := func(s *authn.JWTSettings) { s.RequiredClaims = claimPaths(t, "name", "identity.id", `["a.b"]`) }
	forbidden := func(s *authn.JWTSettings) { s.ForbiddenClaims = claimPaths(t, "admin", "act.sub", "roles[*].root") }
	testClaims(t, []claimsTest{
		{required, `,"name":"n","identity":{"id":0},"a.b":false`, policy.ReasonNone},
		{required, `,"name":"n","identity":{"id":1}`, policy.MissingClaim},
		{required, `,"name":null,"identity":{"id":1},"a.b":1`, policy.MissingClaim},
		{required, `,"name":"n","identity":"id","a.b":1`, policy.MissingClaim},
		{required, `,"Name":"n","identity":{"id":1},"a.b":1`, policy.MissingClaim},
		{required, `,"name":"n","identity":{"id":1},"a":{"b":1}`, policy.MissingClaim},
		{forbidden, `,"act":{},"roles":[{"user":1}]`, policy.ReasonNone},
		{forbidden, `,"admin":true`, policy.ClaimNotAllowed},
		{forbidden, `,"admin":false`, policy.ClaimNotAllowed},
		{forbidden, `,"admin":null`, policy.ClaimNotAllowed},
		{forbidden, `,"act":{"sub":"x"}`, policy.ClaimNotAllowed},
		{forbidden, `,"roles":[{"user":1},{"root":null}]`, policy.ClaimNotAllowed},
	})
}

func TestFixedClaims(t *testing.T) {
	wants := func(path string, value any) func(s *authn.JWTSettings) {
		return func(s *authn.JWTSettings) { s.Claims = map[string]any{path: value} }
	}
	roles := `["https://example.com/roles"]`
	testClaims(t, []claimsTest{
		{wants("azp", "app"), `,"azp":"app"`, policy.ReasonNone},
		{wants("azp", "app"), `,"azp":"App"`, policy.ClaimNotAllowed},
		{wants("azp", "app"), `,"azp":""`, policy.ClaimNotAllowed},
		{wants("azp", "app"), `,"azp":{"app":true}`, policy.ClaimNotAllowed},
		{wants("azp", "app"), ``, policy.MissingClaim},
		{wants("azp", "app"), `,"azp":null`, policy.MissingClaim},
		{wants("groups", "staff"), `,"groups":["all","staff"]`, policy.ReasonNone},
		{wants("groups", "staff"), `,"groups":["all",["staff"]]`, policy.ClaimNotAllowed},
		{wants("groups", "staff"), `,"groups":[]`, policy.ClaimNotAllowed},
		{wants("groups", "staff"), `,"groups":"all staff"`, policy.ClaimNotAllowed},
		{wants("groups", []any{"a", "b"}), `,"groups":["a","b"]`, policy.ReasonNone},
		{wants("groups", []any{"a", "b"}), `,"groups":["b","a"]`, policy.ClaimNotAllowed},
		{wants("realm.client.kind", "web"), `,"realm":{"client":{"kind":"web"}}`, policy.ReasonNone},
		{wants("realm.client.kind", "web"), `,"realm.client.kind":"web"`, policy.MissingClaim},
		{wants(roles, "admin"), `,"https://example.com/roles":["admin"]`, policy.ReasonNone},
		{wants(roles+"[0]", "admin"), `,"https://example.com/roles":["user","admin"]`, policy.ClaimNotAllowed},
		{wants("items[*].id", json.Number("2")), `,"items":[{"id":1},{"id":2}]`, policy.ReasonNone},
		{wants("v", json.Number("2")), `,"v":2`, policy.ReasonNone},
		{wants("v", json.Number("2")), `,"v":"2"`, policy.ClaimNotAllowed},
		{wants("v", json.Number("2")), `,"v":3`, policy.ClaimNotAllowed},
		{wants("v", true), `,"v":true`, policy.ReasonNone},
		{wants("v", true), `,"v":"true"`, policy.ClaimNotAllowed},
		{wants("v", true), `,"v":1`, policy.ClaimNotAllowed},
		{wants("v", false), `,"v":false`, policy.ReasonNone},
		{wants("v", false), ``, policy.MissingClaim},
		{wants("v", map[string]any{"a": "b"}), `,"v":{"a":"b"}`, policy.ReasonNone},
		{wants("v", map[string]any{"a": "b"}), `,"v":{"a":"b","c":1}`, policy.ClaimNotAllowed},
		{func(s *authn.JWTSettings) { s.Claims = map[string]any{"a": "1", "b": "2"} }, `,"a":"1","b":"3"`, policy.ClaimNotAllowed},
	})
}

func TestScopes(t *testing.T) {
	scopes := func(s *authn.JWTSettings) { s.Scopes = []string{"chat", "data:read"} }
	testClaims(t, []claimsTest{
		{nil, `,"scope":7`, policy.ReasonNone},
		{scopes, `,"scope":"data:read openid chat"`, policy.ReasonNone},
		{scopes, `,"scp":"chat data:read"`, policy.ReasonNone},
		{scopes, `,"scp":["data:read","chat"]`, policy.ReasonNone},
		{scopes, `,"scope":"chat","scp":["data:read"]`, policy.ReasonNone},
		{scopes, `,"scope":"chat"`, policy.InsufficientScope},
		{scopes, `,"scope":"chat data"`, policy.InsufficientScope},
		{scopes, `,"scope":"chat,data:read"`, policy.InsufficientScope},
		{scopes, `,"scope":"Chat data:read"`, policy.InsufficientScope},
		{scopes, `,"scp":["chat","data:read",1]`, policy.InsufficientScope},
		{scopes, `,"scopes":"chat data:read"`, policy.InsufficientScope},
		{scopes, `,"scope":null`, policy.InsufficientScope},
		{scopes, ``, policy.InsufficientScope},
	})
}

func TestTyp(t *testing.T) {
	for _, test := range []struct {
		typ, header string
		want        policy.Reason
	}{
		{"", ``, policy.ReasonNone},
		{"", `,"typ":"anything"`, policy.ReasonNone},
		{"at+jwt", `,"typ":"at+jwt"`, policy.ReasonNone},
		{"at+jwt", `,"typ":"AT+JWT"`, policy.ReasonNone},
		{"at+jwt", `,"typ":"application/at+jwt"`, policy.ReasonNone},
		{"application/at+jwt", `,"typ":"at+jwt"`, policy.ReasonNone},
		{"at+jwt", `,"typ":"JWT"`, policy.ClaimNotAllowed},
		{"at+jwt", `,"typ":"text/at+jwt"`, policy.ClaimNotAllowed},
		{"at+jwt", `,"typ":""`, policy.ClaimNotAllowed},
		{"at+jwt", ``, policy.ClaimNotAllowed},
		{"", `,"typ":1`, policy.MalformedCredential},
		{"at+jwt", `,"typ":null`, policy.MalformedCredential},
		{"at+jwt", `,"typ":["at+jwt"]`, policy.MalformedCredential},
	} {
		j := newJWT(t, func(s *authn.JWTSettings) { s.Typ = test.typ })
		token := mint(t, "HS256", `{"alg":"HS256"`+test.header+`}`, `{"exp":1000300}`)
		if _, got := verify(t, j, token); got != test.want {
			t.Errorf("typ %q, header %s: %v, want %v", test.typ, test.header, got, test.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	j := newJWT(t, func(s *authn.JWTSettings) {
		s.Keys.Secrets[0].Attributes = map[string]string{"project": "acme"}
		s.CustomerID = reference(t, "claims.sub")
	})
	v, reason := verify(t, j, mint(t, "HS256", `{"alg":"HS256","kid":"forgotten"}`, `{"exp":1000300,"iss":"i","jti":"t","sub":"ann"}`))
	if reason != policy.ReasonNone {
		t.Fatal(reason)
	}
	want := policy.Identity{
		Level: policy.Customer, Customer: "ann", Authenticator: "web", Issuer: "i", TokenID: "t",
		CredentialID: "k1", // the key that verified, not the kid that the token names
		Key:          map[string]any{"kid": "k1"},
		ExpiresAt:    time.Unix(1_000_300, 0),
		Attributes:   map[string]string{"project": "acme"},
		Claims:       map[string]any{"exp": json.Number("1000300"), "iss": "i", "jti": "t", "sub": "ann"},
	}
	if diff := cmp.Diff(want, v.Identity); diff != "" || v.SecretID != "k1" {
		t.Errorf("verified by secret %q: %s", v.SecretID, diff)
	}
}

func TestCustomerID(t *testing.T) {
	type outcome struct {
		Reason   policy.Reason
		Level    policy.Level
		Customer any
	}
	var (
		refused = outcome{Reason: policy.MissingClaim}
		app     = outcome{Level: policy.Application}
	)
	customer := func(id any) outcome { return outcome{Level: policy.Customer, Customer: id} }
	for claims, want := range map[string]struct{ required, optional outcome }{
		`,"id":"ann"`:                {customer("ann"), customer("ann")},
		`,"id":42`:                   {customer(json.Number("42")), customer(json.Number("42"))},
		`,"id":{"a":"x","b":1}`:      {customer(map[string]any{"a": "x", "b": json.Number("1")}), customer(map[string]any{"a": "x", "b": json.Number("1")})},
		`,"id":"" `:                  {refused, refused},
		`,"id":{}`:                   {refused, refused},
		`,"id":[]`:                   {refused, refused},
		`,"id":["ann"]`:              {refused, refused},
		`,"id":true`:                 {refused, refused},
		`,"id":1.5`:                  {refused, refused},
		`,"id":{"a":""}`:             {refused, refused},
		`,"id":null`:                 {refused, app},
		``:                           {refused, app},
		`,"ID":"ann"`:                {refused, app},
		`,"id":"ann","ID":"mallory"`: {customer("ann"), customer("ann")},
	} {
		for optional, want := range map[bool]outcome{false: want.required, true: want.optional} {
			j := newJWT(t, func(s *authn.JWTSettings) { s.CustomerID, s.CustomerIDOptional = reference(t, "claims.id"), optional })
			var got outcome
			v, reason := verify(t, j, hs256(t, `{"exp":1000300`+claims+`}`))
			if got.Reason = reason; v != nil {
				got.Level, got.Customer = v.Level, v.Customer
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, optional %v: %s", claims, optional, diff)
			}
		}
	}
}

func TestCustomerIDOfTheKey(t *testing.T) {
	j := newJWT(t, func(s *authn.JWTSettings) {
		s.Keys.Secrets = []keys.SecretSettings{{ID: "k1", Value: keys.Value{Literal: secret}, Attributes: map[string]string{"customer": "ann"}}}
		s.CustomerID = reference(t, "attributes.customer")
	})
	v, reason := verify(t, j, hs256(t, `{"exp":1000300,"customer":"mallory"}`))
	if reason != policy.ReasonNone || v.Customer != "ann" || v.Level != policy.Customer {
		t.Errorf("%v, %+v", reason, v)
	}
}
