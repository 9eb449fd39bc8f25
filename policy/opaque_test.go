package policy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestOpaqueCustomer(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	for _, test := range []struct {
		customer policy.OpaqueCustomer
		text     string                // "" where there is none
		read     policy.OpaqueCustomer // what the text is read as
		shown    string
	}{
		{policy.OpaqueCustomer{ID: "ann"}, `{"id":"ann"}`, policy.OpaqueCustomer{ID: "ann"}, "ann"},
		{policy.OpaqueCustomer{ID: "a"}, `{"id":"a"}`, policy.OpaqueCustomer{ID: "a"}, "a"},
		{policy.OpaqueCustomer{ID: long}, `{"id":"` + long + `"}`, policy.OpaqueCustomer{ID: long}, long},
		{policy.OpaqueCustomer{ID: "zoé <&> \"\u2028"}, `{"id":"zoé <&> \"` + "\u2028" + `"}`, policy.OpaqueCustomer{ID: "zoé <&> \"\u2028"}, "zoé <&> \"\u2028"},
		// An integer is the same customer as its digits.
		{policy.OpaqueCustomer{ID: json.Number("42")}, `{"id":"42"}`, policy.OpaqueCustomer{ID: "42"}, "42"},
		{policy.OpaqueCustomer{ID: "42"}, `{"id":"42"}`, policy.OpaqueCustomer{ID: "42"}, "42"},
		// An object is another one than a text that looks like it.
		{policy.OpaqueCustomer{ID: map[string]any{"registered": "a", "cookie": json.Number("9007199254740993")}},
			`{"id":{"cookie":"9007199254740993","registered":"a"}}`,
			policy.OpaqueCustomer{ID: map[string]any{"cookie": "9007199254740993", "registered": "a"}}, `{"cookie":"9007199254740993","registered":"a"}`},
		{policy.OpaqueCustomer{ID: `{"registered":"a"}`}, `{"id":"{\"registered\":\"a\"}"}`, policy.OpaqueCustomer{ID: `{"registered":"a"}`}, `{"registered":"a"}`},
		// So is the customer of a tenant.
		{policy.OpaqueCustomer{Tenant: "acme", ID: "ann"}, `{"id":"ann","tenant":"acme"}`, policy.OpaqueCustomer{Tenant: "acme", ID: "ann"}, "acme\tann"},

		{customer: policy.OpaqueCustomer{}},
		{customer: policy.OpaqueCustomer{ID: ""}},
		{customer: policy.OpaqueCustomer{ID: map[string]any{}}},
		{customer: policy.OpaqueCustomer{ID: []any{"ann"}}},
		{customer: policy.OpaqueCustomer{ID: json.Number("1.0")}},
		{customer: policy.OpaqueCustomer{ID: "\xff"}},
		{customer: policy.OpaqueCustomer{ID: "ann", Tenant: "\xff"}},
		{customer: policy.OpaqueCustomer{ID: map[string]any{"registered": "\xff"}}},
		{customer: policy.OpaqueCustomer{ID: map[string]any{"\xff": "ann"}}},
	} {
		text, ok := test.customer.Text()
		if string(text) != test.text && ok || ok != (test.text != "") {
			t.Errorf("%.60v: %q %t, want %q", test.customer, text, ok, test.text)
		}
		if !ok {
			continue
		}
		read, err := policy.ParseOpaqueCustomer(text)
		if diff := cmp.Diff(test.read, read); diff != "" || err != nil || read.String() != test.shown {
			t.Errorf("%.60v: read with %v and shown as %.60q: %s", test.customer, err, read, diff)
		}
	}
}

func TestParseOpaqueCustomerRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", `{"id":""}`, `{"id":["a"]}`, `{"id":"a","id":"b"}`, `"ann"`, `{"id":"a"} ` + "x"} {
		if c, err := policy.ParseOpaqueCustomer([]byte(text)); err == nil {
			t.Errorf("%s: %v", text, c)
		}
	}
}

// bracketed seals in the open.
type bracketed struct{}

func (bracketed) Seal(text []byte) string { return "<" + string(text) + ">" }

func TestOpaqueIDsInHeadersAndRules(t *testing.T) {
	rule := compare(t, "query.id")
	rule.Identity = reference(t, "opaque_id")
	routes := policy.NewRoutes([]policy.RouteSettings{
		routeSettings(t, "/", func(s *policy.RouteSettings) {
			s.Consistency = []policy.RuleSettings{compare(t, "query.request"), rule}
			s.IdentityHeaders = map[string]*policy.Template{"X-Both": template(t, "{request_id} {opaque_id}")}
		}),
	}, policy.Common{IdentityHeaders: map[string]*policy.Template{"X-Opaque": template(t, "{opaque_id}")}})
	r := routes[0]
	ann := &policy.Identity{Level: policy.Customer, Customer: "ann", Tenant: "acme"}
	told := func(id *policy.Identity) http.Header {
		h := http.Header{}
		for _, rendered := range r.Headers.RenderFixed(id) {
			h[rendered.Name] = rendered.Values
		}
		r.Headers.SetPerCall(h, id, func(policy.Reference) (any, bool) { return "id-1", true })
		return h
	}
	named := func(text string) policy.Occurrences { return policy.Occurrences{Texts: []string{text}} }
	const opaque = `<{"id":"ann","tenant":"acme"}>`

	if got := told(ann); len(got) != 0 {
		t.Errorf("without a sealer: %v", got)
	}
	if got := policy.ReasonOf(r.Rules[1].Check(ann, named(opaque))); got != policy.MissingClaim {
		t.Errorf("a rule without a sealer: %v", got)
	}
	r.SealWith(bracketed{})
	if diff := cmp.Diff(http.Header{"X-Opaque": {opaque}, "X-Both": {"id-1 " + opaque}}, told(ann)); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]policy.Reason{opaque: policy.ReasonNone, "ann": policy.IdentityMismatch} {
		if got := policy.ReasonOf(r.Rules[1].Check(ann, named(text))); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	app := &policy.Identity{Level: policy.Application, Tenant: "acme"}
	if got := told(app); len(got) != 0 {
		t.Errorf("an application has an opaque id: %v", got)
	}
}
