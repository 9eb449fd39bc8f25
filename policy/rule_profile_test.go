package policy_test

import (
	"encoding/json"
	"testing"

	"postern/policy"
)

// TestRuleOnProfile compares identities with what a profile has, as a rule on a
// body does with what a request names.
func TestRuleOnProfile(t *testing.T) {
	ids := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for name, test := range map[string]struct {
		identity, profile any
		unsigned          []string
		in                bool
		want              policy.Reason
	}{
		"a text":                {"ann", "ann", nil, false, policy.ReasonNone},
		"escaped":               {"<ann & co>", "<ann & co>", nil, false, policy.ReasonNone},
		"a number":              {json.Number("42"), json.Number("42"), nil, false, policy.ReasonNone},
		"a number and its text": {json.Number("42"), "42", nil, false, policy.ReasonNone},
		"another spelling":      {json.Number("42"), json.Number("42.0"), nil, false, policy.IdentityMismatch},
		"another":               {"ann", "bob", nil, false, policy.IdentityMismatch},
		"empty":                 {"ann", "", nil, false, policy.IdentityMismatch},
		"a boolean":             {"ann", true, nil, false, policy.IdentityMismatch},
		"missing":               {"ann", nil, nil, false, policy.IdentityMissing},
		"no identity":           {nil, "ann", nil, false, policy.MissingClaim},
		"one of several":        {[]any{"ann", "bob"}, "bob", nil, true, policy.ReasonNone},
		"none of several":       {[]any{"ann", "bob"}, "eve", nil, true, policy.IdentityMismatch},
		"ids":                   {ids("a", "1"), ids("a", "1"), nil, false, policy.ReasonNone},
		"ids of another":        {ids("a", "1"), ids("a", "2"), nil, false, policy.IdentityMismatch},
		"an id more":            {ids("a", "1"), ids("a", "1", "b", "2"), nil, false, policy.IdentityMismatch},
		"an id more, unsigned":  {ids("a", "1"), ids("a", "1", "b", "2"), []string{"b"}, false, policy.ReasonNone},
		"ids instead of a text": {"1", ids("a", "1"), nil, false, policy.IdentityMismatch},
		"a text instead of ids": {ids("a", "1"), "1", nil, false, policy.IdentityMismatch},
	} {
		value, err := policy.NewBodyValue(test.profile)
		if err != nil {
			t.Fatal(err)
		}
		rule := policy.Rule{Identity: reference(t, "claims.id"), Request: reference(t, "profile.id"), With: "own", Required: true, In: test.in, UnsignedIDs: test.unsigned}
		id := &policy.Identity{Level: policy.Customer, Claims: map[string]any{"id": test.identity}}
		if got := policy.ReasonOf(rule.Check(id, policy.Occurrences{Values: []policy.BodyValue{value}})); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
