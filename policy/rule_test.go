package policy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"postern/policy"
)

// TestRuleCheck is the truth table of a rule: what the identity says, how often
// and what the request names, and whether it must.
func TestRuleCheck(t *testing.T) {
	const (
		allow    = policy.ReasonNone
		missing  = policy.MissingClaim
		unnamed  = policy.IdentityMissing
		mismatch = policy.IdentityMismatch
	)
	type verdicts struct{ customer, application, anonymous policy.Reason }
	all := func(r policy.Reason) verdicts { return verdicts{r, r, r} }
	var (
		ann           = map[string]any{"id": "ann"}
		number        = map[string]any{"id": json.Number("42")}
		uncomparables = map[string]map[string]any{
			"missing":    nil,
			"null":       {"id": nil},
			"a fraction": {"id": json.Number("1.5")},
			"a boolean":  {"id": true},
			"a list":     {"id": []any{"ann"}},
			"an object":  {"id": map[string]any{"id": "ann"}},
		}
	)
	type request struct {
		named    []string
		required bool
	}
	check := func(name string, claims map[string]any, r request, want verdicts) {
		rule := policy.Rule{Identity: reference(t, "claims.id"), Request: reference(t, "query.id"), Required: r.required}
		for level, reason := range map[policy.Level]policy.Reason{
			policy.Customer: want.customer, policy.Application: want.application, policy.Anonymous: want.anonymous,
		} {
			err := rule.Check(&policy.Identity{Level: level, Claims: claims}, policy.Occurrences{Texts: r.named})
			if got := policy.ReasonOf(err); got != reason {
				t.Errorf("%s, level %s, request names %q, required %v: %v, want %v", name, level, r.named, r.required, got, reason)
			}
		}
	}
	for _, required := range []bool{false, true} {
		check("known", ann, request{[]string{"ann"}, required}, all(allow))
		check("known", ann, request{[]string{"bob"}, required}, all(mismatch))
		check("known", ann, request{[]string{""}, required}, all(mismatch))
		check("known", ann, request{[]string{"ann", "ann"}, required}, all(allow))
		check("known", ann, request{[]string{"ann", "bob"}, required}, all(mismatch))
		check("known", ann, request{[]string{"bob", "ann"}, required}, all(mismatch))
		check("a number", number, request{[]string{"42"}, required}, all(allow))
		check("a number", number, request{[]string{"42.0"}, required}, all(mismatch))
		for name, claims := range uncomparables {
			for _, named := range [][]string{{"ann"}, {""}, {"1.5"}, {"true"}, {"null"}, {"ann", "ann"}} {
				check(name, claims, request{named, required}, verdicts{missing, mismatch, mismatch})
			}
		}
	}
	check("known", ann, request{nil, true}, all(unnamed))
	check("known", ann, request{nil, false}, all(allow))
	for name, claims := range uncomparables {
		check(name, claims, request{nil, true}, verdicts{missing, unnamed, unnamed})
		check(name, claims, request{nil, false}, verdicts{missing, allow, allow})
	}
}

func TestRuleDetails(t *testing.T) {
	rule := policy.Rule{Identity: reference(t, "claims.id"), Request: reference(t, "query.customer"), Required: true}
	id := &policy.Identity{Level: policy.Customer, Claims: map[string]any{"id": "secret-of-ann"}}
	for want, err := range map[string]error{
		"identity_missing: the request does not carry query.customer":                    rule.Check(id, policy.Occurrences{}),
		"identity_mismatch: query.customer differs from claims.id":                       rule.Check(id, policy.Occurrences{Texts: []string{"secret-of-bob"}}),
		"missing_claim: claims.id is missing, or cannot be compared with query.customer": rule.Check(&policy.Identity{Level: policy.Customer}, policy.Occurrences{}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRuleApplies(t *testing.T) {
	levels := []policy.Level{policy.Anonymous, policy.Application, policy.Customer}
	for _, test := range []struct{ when, to []policy.Level }{
		{nil, levels},
		{levels[2:], levels[2:]},
		{levels[:1], levels[:1]},
		{[]policy.Level{policy.Customer, policy.Anonymous}, []policy.Level{policy.Anonymous, policy.Customer}},
	} {
		rule := policy.Rule{When: test.when}
		var to []policy.Level
		for _, level := range levels {
			if rule.Applies(level) {
				to = append(to, level)
			}
		}
		if !slices.Equal(to, test.to) {
			t.Errorf("when %v applies to %v, want %v", test.when, to, test.to)
		}
	}
}
