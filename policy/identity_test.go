package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestIdentityResolve(t *testing.T) {
	full := &policy.Identity{
		Level:         policy.Customer,
		Customer:      map[string]any{"registered": "ann"},
		Claims:        map[string]any{"sub": "s", "n": json.Number("1"), "null": nil},
		Key:           map[string]any{"kid": "k1", "endorsements": []any{"web"}},
		Attributes:    map[string]string{"project": "acme", "empty": ""},
		Authenticator: "web",
		Issuer:        "https://idp.example.com/",
		Tenant:        "acme",
		TokenID:       "jti-1",
		CredentialID:  "key-1",
		Certificate:   map[string]any{"san": map[string]any{"uri": []any{"spiffe://acme.test/ann"}}},
		ExpiresAt:     time.Unix(1_800_000_000, 999),
	}
	empty := &policy.Identity{}
	type outcome struct {
		Value any
		Ok    bool
	}
	none := outcome{}
	for text, want := range map[string]struct{ full, empty outcome }{
		"customer_id":            {outcome{map[string]any{"registered": "ann"}, true}, none},
		"level":                  {outcome{"customer", true}, outcome{"anonymous", true}},
		"authenticator":          {outcome{"web", true}, none},
		"issuer":                 {outcome{"https://idp.example.com/", true}, none},
		"tenant":                 {outcome{"acme", true}, none},
		"token_id":               {outcome{"jti-1", true}, none},
		"expires_at":             {outcome{"1800000000", true}, none},
		"claims.sub":             {outcome{"s", true}, none},
		"claims.n":               {outcome{json.Number("1"), true}, none},
		"claims.null":            {none, none},
		"claims.absent":          {none, none},
		"key.kid":                {outcome{"k1", true}, none},
		"key.endorsements":       {outcome{[]any{"web"}, true}, none},
		"key.absent":             {none, none},
		"certificate.san.uri[0]": {outcome{"spiffe://acme.test/ann", true}, none},
		"certificate.san.uri[1]": {none, none},
		"certificate.san.dns[0]": {none, none},
		"attributes.project":     {outcome{"acme", true}, none},
		"attributes.empty":       {outcome{"", true}, none},
		"attributes.absent":      {none, none},
		"path.project":           {none, none},
	} {
		for _, test := range []struct {
			id   *policy.Identity
			want outcome
		}{{full, want.full}, {empty, want.empty}} {
			var got outcome
			if value, ok := test.id.Resolve(reference(t, text)); ok {
				got = outcome{value, ok}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s of %s: %s", text, test.id.Level, diff)
			}
		}
	}
}

func TestAsCustomer(t *testing.T) {
	for value, want := range map[string]bool{
		`"ann"`:                                true,
		`"0"`:                                  true,
		`42`:                                   true,
		`9007199254740993`:                     true,
		`{"registered":"ann"}`:                 true,
		`{"registered":"ann","cookie":1}`:      true,
		`""`:                                   false,
		`null`:                                 false,
		`true`:                                 false,
		`1.5`:                                  false,
		`1e3`:                                  false,
		`-0`:                                   false,
		`[]`:                                   false,
		`["ann"]`:                              false,
		`{}`:                                   false,
		`{"registered":""}`:                    false,
		`{"registered":"ann","cookie":""}`:     false,
		`{"registered":"ann","cookie":null}`:   false,
		`{"registered":["ann"]}`:               false,
		`{"registered":{"id":"ann"}}`:          false,
		`{"registered":"ann","verified":true}`: false,
	} {
		object, err := policy.ParseObject([]byte(`{"v":` + value + `}`))
		if err != nil {
			t.Fatal(err)
		}
		customer, ok := policy.AsCustomer(object["v"])
		if ok != want {
			t.Errorf("%s names a customer: %v", value, ok)
		}
		if ok && !cmp.Equal(customer, object["v"]) {
			t.Errorf("%s names %v", value, customer)
		}
	}
}

func TestLevel(t *testing.T) {
	for want, name := range []string{"anonymous", "application", "customer"} {
		var level policy.Level
		if err := level.UnmarshalText([]byte(name)); err != nil || int(level) != want || level.String() != name {
			t.Errorf("%s: %d %s %v", name, level, level, err)
		}
	}
	level := policy.Customer
	const want = `"Customer" is no level: use anonymous, application or customer`
	if err := level.UnmarshalText([]byte("Customer")); err == nil || err.Error() != want || level != policy.Customer {
		t.Errorf("%v %v", level, err)
	}
}

func TestSubject(t *testing.T) {
	for _, test := range []struct {
		customer any
		want     string
		ok       bool
	}{
		{nil, "", false},
		{"ann", "ann", true},
		{json.Number("42"), "42", true},
		{map[string]any{"registered": "ann", "cookie": json.Number("9007199254740993")}, `{"cookie":9007199254740993,"registered":"ann"}`, true},
		{"Zo\xeb", "Zo\xeb", false}, // no UTF-8: as JSON it would be any other such text
	} {
		id := policy.Identity{Customer: test.customer}
		if got, ok := id.Subject(); got != test.want || ok != test.ok {
			t.Errorf("%v: %q, %v", test.customer, got, ok)
		}
	}
}
