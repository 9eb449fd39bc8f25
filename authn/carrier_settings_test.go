package authn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/policy"
)

// TestCarrierSettings is about settings of static tokens, which have no scheme
// of their own, and of signed tokens, whose scheme is Bearer unless it is set.
func TestCarrierSettings(t *testing.T) {
	word := func(s string) *string { return &s }
	const missing = `: scheme is missing: name the word before the value, or write scheme: "" for a bare one`
	bearer := authn.Carrier{Header: "Authorization", Scheme: "Bearer"}
	for name, test := range map[string]struct {
		settings   authn.CarrierSettings
		token, jwt []authn.Carrier
		faults     []string
		onlyToken  bool // the faults are none for a signed token
	}{
		"nothing": {
			jwt:    []authn.Carrier{bearer},
			faults: []string{"a" + missing}, onlyToken: true,
		},
		"scheme": {
			settings: authn.CarrierSettings{Scheme: word("JWT")},
			token:    []authn.Carrier{{Header: "Authorization", Scheme: "JWT"}}, jwt: []authn.Carrier{{Header: "Authorization", Scheme: "JWT"}},
		},
		"bare Authorization": {
			settings: authn.CarrierSettings{Scheme: word("")},
			token:    []authn.Carrier{{Header: "Authorization"}}, jwt: []authn.Carrier{{Header: "Authorization"}},
		},
		"the default header, written": {
			settings: authn.CarrierSettings{Header: "authorization"},
			jwt:      []authn.Carrier{bearer},
			faults:   []string{"a" + missing}, onlyToken: true,
		},
		"another header": {
			settings: authn.CarrierSettings{Header: "x-api-key"},
			token:    []authn.Carrier{{Header: "X-Api-Key"}}, jwt: []authn.Carrier{{Header: "X-Api-Key"}},
		},
		"another header with a scheme": {
			settings: authn.CarrierSettings{Header: "X-Auth", Scheme: word("Key")},
			token:    []authn.Carrier{{Header: "X-Auth", Scheme: "Key"}}, jwt: []authn.Carrier{{Header: "X-Auth", Scheme: "Key"}},
		},
		"a list": {
			settings: authn.CarrierSettings{From: []authn.FromSettings{{Scheme: word("Key")}, {Header: "X-Key"}}},
			token:    []authn.Carrier{{Header: "Authorization", Scheme: "Key"}, {Header: "X-Key"}},
			jwt:      []authn.Carrier{{Header: "Authorization", Scheme: "Key"}, {Header: "X-Key"}},
		},
		"a marker in two spellings": {
			settings: authn.CarrierSettings{From: []authn.FromSettings{{WebsocketProtocol: "Bearer"}, {WebsocketProtocol: "bearer"}}},
			token:    []authn.Carrier{{Protocol: "bearer"}, {Protocol: "bearer"}}, jwt: []authn.Carrier{{Protocol: "bearer"}, {Protocol: "bearer"}},
			faults: []string{"a.from[1]: the same carrier stands twice"},
		},
		"a list without a scheme": {
			settings: authn.CarrierSettings{From: []authn.FromSettings{{Header: "X-Key"}, {}}},
			jwt:      []authn.Carrier{{Header: "X-Key"}, bearer},
			faults:   []string{"a.from[1]" + missing}, onlyToken: true,
		},
		"an empty list": {settings: authn.CarrierSettings{From: []authn.FromSettings{}}, faults: []string{"a.from: an empty list carries nothing"}},
		"a list and a header": {
			settings: authn.CarrierSettings{Header: "X-Key", From: []authn.FromSettings{{Header: "X-Other"}}},
			faults:   []string{"a.from: from stands in place of header and scheme: use one or the other"},
		},
		"a list and a scheme": {
			settings: authn.CarrierSettings{Scheme: word("Key"), From: []authn.FromSettings{{Header: "X-Other"}}},
			faults:   []string{"a.from: from stands in place of header and scheme: use one or the other"},
		},
		"the same twice": {
			settings: authn.CarrierSettings{From: []authn.FromSettings{{Header: "X-Key"}, {Header: "x-key", Scheme: word("Key")}, {Header: "X-Other"}}},
			faults:   []string{"a.from[1]: the same carrier stands twice"},
		},
		"no header":         {settings: authn.CarrierSettings{Header: "X Key"}, faults: []string{`a.header: "X Key" cannot carry a credential`}},
		"a server's header": {settings: authn.CarrierSettings{Header: "cookie"}, faults: []string{`a.header: "Cookie" cannot carry a credential`}},
		"a hop's header":    {settings: authn.CarrierSettings{Header: "proxy-authorization"}, faults: []string{`a.header: "Proxy-Authorization" cannot carry a credential`}},
		"Host":              {settings: authn.CarrierSettings{Header: "Host"}, faults: []string{`a.header: "Host" cannot carry a credential`}},
		"ends here":         {settings: authn.CarrierSettings{Header: "Expect"}, faults: []string{`a.header: "Expect" cannot carry a credential`}},
		"set by the proxy":  {settings: authn.CarrierSettings{Header: "X-Request-Id"}, faults: []string{`a.header: "X-Request-Id" cannot carry a credential`}},
		"of the page":       {settings: authn.CarrierSettings{Header: "Origin"}, faults: []string{`a.header: "Origin" cannot carry a credential`}},
		"an underscore": {
			settings: authn.CarrierSettings{Header: "X_Api_Key"},
			faults:   []string{`a.header: "X_api_key": use letters, digits and hyphens only, since backends read other names alike`},
		},
		"two words":  {settings: authn.CarrierSettings{Scheme: word("My Key")}, faults: []string{`a.scheme: "My Key" is no scheme: use one word`}},
		"not a word": {settings: authn.CarrierSettings{Scheme: word("Kéy")}, faults: []string{`a.scheme: "Kéy" is no scheme: use one word`}},
	} {
		token := authn.TokenSettings{CarrierSettings: test.settings, Tokens: []authn.StaticTokenSettings{static("a", "1")}}
		var problems policy.Problems
		token.Check(policy.Path{"a"}, &problems)
		if diff := cmp.Diff(test.faults, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.token, token.Carriers()); test.token != nil && diff != "" {
			t.Errorf("%s: %s", name, diff)
		}

		jwt := authn.JWTSettings{CarrierSettings: test.settings, Keys: sharedSecret(), Algorithms: []string{"HS256"}}
		problems = policy.Problems{}
		jwt.Check(policy.Path{"a"}, &problems)
		want := test.faults
		if test.onlyToken {
			want = nil
		}
		if diff := cmp.Diff(want, messages(problems)); diff != "" {
			t.Errorf("%s, signed (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.jwt, jwt.Carriers()); test.jwt != nil && diff != "" {
			t.Errorf("%s, signed: %s", name, diff)
		}
	}
}
