package policy_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestHeaderSet(t *testing.T) {
	set := policy.NewHeaderSet(map[string]*policy.Template{
		"x-level":       template(t, "{level}"),
		"X-Customer-Id": template(t, "{customer_id}"),
		"X-Issuer":      template(t, "{issuer}"), // which the identity lacks
		"X-Project":     template(t, "{customer_id} in {path.project}"),
		"X-Absent":      template(t, "{query.absent}"),
		"X-Removed":     nil,
	})
	id := &policy.Identity{Level: policy.Customer, Customer: "ann"}
	fixed := []policy.RenderedHeader{{Name: "X-Customer-Id", Values: []string{"ann"}}, {Name: "X-Level", Values: []string{"customer"}}}
	if diff := cmp.Diff(fixed, set.RenderFixed(id)); diff != "" {
		t.Errorf("of the identity alone: %s", diff)
	}
	header := http.Header{"Accept": {"*/*"}}
	set.SetPerCall(header, id, func(ref policy.Reference) (any, bool) { return "caf\u00e9", ref.String() == "path.project" })
	if diff := cmp.Diff(http.Header{"Accept": {"*/*"}, "X-Project": {"ann in caf%C3%A9"}}, header); diff != "" {
		t.Errorf("of the request, too: %s", diff)
	}
}

func TestHeaderSetSame(t *testing.T) {
	sets := []map[string]*policy.Template{
		{},
		{"X-A": template(t, "{level}")},
		{"X-B": template(t, "{level}")},
		{"X-A": template(t, "{issuer}")},
		{"X-A": template(t, "{path.x}")},
		{"X-A": template(t, "{level}"), "X-B": template(t, "{path.x}")},
	}
	for i, a := range sets {
		for k, b := range sets {
			if got := policy.NewHeaderSet(a).Same(policy.NewHeaderSet(b)); got != (i == k) {
				t.Errorf("%v and %v: same = %v", a, b, got)
			}
		}
	}
	a := map[string]*policy.Template{"x-a": template(t, "{level}"), "X-B": nil}
	if !policy.NewHeaderSet(a).Same(policy.NewHeaderSet(sets[1])) {
		t.Error("case and removed headers make a difference")
	}
}

func TestCanonicalAlias(t *testing.T) {
	for name, want := range map[string]string{
		"X-Customer-Id":  "X-Customer-Id",
		"x-customer-id":  "X-Customer-Id",
		"X_Customer_Id":  "X-Customer-Id",
		"x_CUSTOMER-iD":  "X-Customer-Id",
		"X.Customer!Id":  "X-Customer-Id",
		"X Customer\tId": "X-Customer-Id",
		"X-Customer--Id": "X-Customer--Id",
		"X-CustomerId":   "X-Customerid",
		"_":              "-",
		"":               "",
		"X-K\u212aey":    "X-K-Ey",
	} {
		if got := policy.CanonicalAlias(name); got != want {
			t.Errorf("%q could be read as %q, want %q", name, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { policy.CanonicalAlias("X-Customer-Id") }); n != 0 {
		t.Errorf("%v allocations for a canonical name", n)
	}
}
