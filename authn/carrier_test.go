package authn_test

import (
	"net/http"
	"testing"

	"postern/authn"
	"postern/policy"
)

func TestCarrierRead(t *testing.T) {
	type outcome struct {
		value   string
		present bool
		reason  policy.Reason
	}
	var (
		scheme = authn.Carrier{Header: "Authorization", Scheme: "Bearer"}
		token  = authn.Carrier{Header: "Authorization", Scheme: "Token"}
		bare   = authn.Carrier{Header: "X-Api-Key"}
		absent = outcome{}
		broken = outcome{"", true, policy.MalformedCredential}
		twice  = outcome{"", true, policy.MalformedRequest}
	)
	read := func(value string) outcome { return outcome{value, true, policy.ReasonNone} }
	for _, test := range []struct {
		carrier authn.Carrier
		fields  []string
		want    outcome
	}{
		{scheme, nil, absent},
		{scheme, []string{"Bearer abc"}, read("abc")},
		{scheme, []string{"bearer abc"}, read("abc")},
		{scheme, []string{"BEARER a.b-c_d~+/="}, read("a.b-c_d~+/=")},
		{scheme, []string{"Bearer Bearer"}, read("Bearer")},
		{scheme, []string{"Bearer"}, broken},
		{scheme, []string{"Bearer "}, broken},
		{scheme, []string{"Bearer  abc"}, broken},
		{scheme, []string{"Bearer\tabc"}, broken},
		{scheme, []string{"Bearer \tabc"}, broken},
		{scheme, []string{"Bearer abc "}, broken},
		{scheme, []string{"Bearer abc def"}, broken},
		{scheme, []string{"Bearer abc, Bearer def"}, broken},
		{scheme, []string{"Bearer abc\t"}, broken},
		{scheme, []string{"Bearer a\x00c"}, broken},
		{scheme, []string{"Bearer a\x7fc"}, broken},
		{scheme, []string{"Bearer abc\u00e9"}, broken},
		{scheme, []string{"Bearer abc\u00a0"}, broken},
		{scheme, []string{"Bearer abc\xff"}, broken},
		{scheme, []string{"Bearer abc", "Bearer abc"}, twice},
		{scheme, []string{"Basic abc", "Bearer abc"}, twice},
		{scheme, []string{"", "Bearer abc"}, twice},
		// Another scheme is another carrier.
		{scheme, []string{""}, absent},
		{scheme, []string{" "}, absent},
		{scheme, []string{" Bearer abc"}, absent},
		{scheme, []string{"Basic abc"}, absent},
		{scheme, []string{"Bearerabc"}, absent},
		{scheme, []string{"Bear abc"}, absent},
		{scheme, []string{"Bearer: abc"}, absent},
		{scheme, []string{"Bearer,abc"}, absent},
		{scheme, []string{"eyJhbGciOiJub25lIn0.e30."}, absent},
		{token, []string{"To\u212Aen abc"}, absent}, // a Kelvin sign is no k

		{bare, nil, absent},
		{bare, []string{"abc"}, read("abc")},
		{bare, []string{"Bearer"}, read("Bearer")},
		{bare, []string{""}, broken},
		{bare, []string{" abc"}, broken},
		{bare, []string{"Bearer abc"}, broken},
		{bare, []string{"abc", "abc"}, twice},
	} {
		h := http.Header{"Accept": {"*/*"}}
		if test.fields != nil {
			h[test.carrier.Header] = test.fields
		}
		var got outcome
		value, present, err := test.carrier.Read(h)
		if got = (outcome{value, present, policy.ReasonOf(err)}); got != test.want {
			t.Errorf("%+v of %q: %+v, want %+v", test.carrier, test.fields, got, test.want)
		}
	}
}

func TestCarrierDetails(t *testing.T) {
	for want, read := range map[string]struct {
		authn.Carrier
		fields []string
	}{
		"malformed_credential: Authorization wants the scheme Bearer, one space and one value without white space": {
			authn.Carrier{Header: "Authorization", Scheme: "Bearer"}, []string{"Bearer a b"},
		},
		"malformed_credential: X-Api-Key wants one value without white space": {authn.Carrier{Header: "X-Api-Key"}, []string{"a b"}},
		"malformed_request: X-Api-Key is sent more than once":                 {authn.Carrier{Header: "X-Api-Key"}, []string{"a", "b"}},
	} {
		_, _, err := read.Read(http.Header{read.Header: read.fields})
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestCarrierOverlaps(t *testing.T) {
	carriers := []authn.Carrier{
		{Header: "Authorization", Scheme: "Bearer"}, {Header: "Authorization", Scheme: "Token"}, {Header: "X-Key", Scheme: "Bearer"}, {Header: "X-Other"},
	}
	for i, a := range carriers {
		for k, b := range carriers {
			if got := a.Overlaps(b); got != (i == k) {
				t.Errorf("%+v overlaps %+v: %v", a, b, got)
			}
		}
	}
	bare := authn.Carrier{Header: "Authorization"}
	if bearer := carriers[0]; !bare.Overlaps(bearer) || !bearer.Overlaps(bare) || !bearer.Overlaps(authn.Carrier{Header: "Authorization", Scheme: "bearer"}) {
		t.Error("a bare value, or the scheme in another case, is taken for another carrier")
	}
}
