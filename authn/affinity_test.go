package authn_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"postern/authn"
)

func TestInspect(t *testing.T) {
	for credential, want := range map[string]authn.Unverified{
		mint(t, "HS256", `{"alg":"HS256","kid":"k1"}`, `{"iss":"https://idp"}`): {JWS: true, Issuer: "https://idp", KeyID: "k1"},
		hs256(t, `{}`):            {JWS: true},
		hs256(t, `{"iss":["a"]}`): {JWS: true},
		hs256(t, `{"iss":7}`):     {JWS: true},
		encode(`{"alg":"none"}`) + "." + encode(`{"iss":"a"}`) + ".": {JWS: true, Issuer: "a"},
		"":        {},
		"..":      {},
		"a.b.c":   {},
		"opaque":  {},
		"a.b.c.d": {},
		encode(`{"alg":"HS256","alg":"none"}`) + "." + encode(`{}`) + ".x": {},
		hs256(t, `{"iss":"a","iss":"b"}`):                                  {},
		hs256(t, `{"iss":"a"}`) + "=":                                      {},
		// Nobody pays for taking apart what no token is as long as.
		hs256(t, `{"iss":"a","x":"`+strings.Repeat("x", 64<<10)+`"}`): {},
	} {
		if diff := cmp.Diff(want, authn.Inspect(credential, 16<<10), cmpopts.IgnoreUnexported(authn.Unverified{})); diff != "" {
			t.Errorf("%.60s: %s", credential, diff)
		}
	}
}

func TestAffinity(t *testing.T) {
	ofIssuer := newJWT(t, func(s *authn.JWTSettings) { s.Issuer = []string{"https://a", "https://b"} })
	ofAny := newJWT(t, func(s *authn.JWTSettings) { s.Issuer = nil })
	opaque := newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{}})
	signature := newSignature(t, nil)
	for _, test := range []struct {
		credential                       authn.Unverified
		issuer, any, opaque, ofSignature authn.Affinity
	}{
		{authn.Unverified{}, authn.NoAffinity, authn.NoAffinity, authn.AnyIssuer, authn.AnyIssuer},
		{authn.Unverified{JWS: true}, authn.NoAffinity, authn.AnyIssuer, authn.NoAffinity, authn.NoAffinity},
		{authn.Unverified{JWS: true, Issuer: "https://a"}, authn.AcceptIssuer, authn.AnyIssuer, authn.NoAffinity, authn.NoAffinity},
		{authn.Unverified{JWS: true, Issuer: "https://b", KeyID: "k1"}, authn.AcceptIssuer, authn.HoldsKey, authn.NoAffinity, authn.NoAffinity},
		{authn.Unverified{JWS: true, Issuer: "https://c", KeyID: "k1"}, authn.HoldsKey, authn.HoldsKey, authn.NoAffinity, authn.NoAffinity},
		{authn.Unverified{JWS: true, Issuer: "https://c", KeyID: "k2"}, authn.NoAffinity, authn.AnyIssuer, authn.NoAffinity, authn.NoAffinity},
		{authn.Unverified{JWS: true, Issuer: "https://A"}, authn.NoAffinity, authn.AnyIssuer, authn.NoAffinity, authn.NoAffinity},
	} {
		got := []authn.Affinity{ofIssuer.Affinity(test.credential), ofAny.Affinity(test.credential), opaque.Affinity(test.credential), signature.Affinity(test.credential)}
		if diff := cmp.Diff([]authn.Affinity{test.issuer, test.any, test.opaque, test.ofSignature}, got); diff != "" {
			t.Errorf("%+v: %s", test.credential, diff)
		}
	}
}

// In a header the scheme must stand before the value; elsewhere it may.
func TestCarrierReadValues(t *testing.T) {
	type outcome struct {
		value   string
		present bool
		broken  bool
	}
	scheme, bare := authn.Carrier{Query: "token", Scheme: "JWT"}, authn.Carrier{Cookie: "session"}
	for _, test := range []struct {
		authn.Carrier
		values []string
		want   outcome
	}{
		{scheme, nil, outcome{}},
		{scheme, []string{"abc"}, outcome{"abc", true, false}},
		{scheme, []string{"JWT abc"}, outcome{"abc", true, false}},
		{scheme, []string{"jWt abc"}, outcome{"abc", true, false}},
		{scheme, []string{"JWT"}, outcome{"JWT", true, false}},
		{scheme, []string{"JWT "}, outcome{"", true, true}},
		{scheme, []string{"JWT  abc"}, outcome{"", true, true}},
		{scheme, []string{" JWT abc"}, outcome{"", true, true}},
		{scheme, []string{"JWT\tabc"}, outcome{"", true, true}},
		{scheme, []string{"Bearer abc"}, outcome{"", true, true}},
		{scheme, []string{"abc\u00e9"}, outcome{"", true, true}},
		{scheme, []string{""}, outcome{"", true, true}},
		{scheme, []string{"abc", "abc"}, outcome{"", true, true}},
		{bare, []string{"abc"}, outcome{"abc", true, false}},
		{bare, []string{"JWT abc"}, outcome{"", true, true}},
	} {
		value, present, err := test.ReadValues(test.values)
		if got := (outcome{value, present, err != nil}); got != test.want {
			t.Errorf("%+v of %q: %+v (%v), want %+v", test.Carrier, test.values, got, err, test.want)
		}
	}
}
