package explain_test

import (
	"testing"

	"postern/explain"
)

func TestVerdictIs(t *testing.T) {
	for _, test := range []struct {
		verdict  explain.Verdict
		expected string
		want     bool
	}{
		{explain.Verdict{Decision: explain.Allow, Reason: "none"}, "allow", true},
		{explain.Verdict{Decision: explain.Allow, Reason: "none"}, "none", false},
		{explain.Verdict{Decision: explain.Deny, Reason: "no_route"}, "deny", true},
		{explain.Verdict{Decision: explain.Deny, Reason: "no_route"}, "no_route", true},
		{explain.Verdict{Decision: explain.Deny, Reason: "no_route"}, "token_expired", false},
		// What is only reported is let through.
		{explain.Verdict{Decision: explain.ReportDeny, Reason: "token_expired"}, "report_deny", true},
		{explain.Verdict{Decision: explain.ReportDeny, Reason: "token_expired"}, "token_expired", false},
		{explain.Verdict{Decision: explain.ReportDeny, Reason: "token_expired"}, "deny", false},
		{explain.Verdict{Decision: explain.Deny, Reason: "keys_unavailable", DependsOn: "keys"}, "keys_unavailable", true},
		{explain.Verdict{Decision: explain.Deny, Reason: "keys_unavailable", DependsOn: "keys"}, "deny", false},
	} {
		if got := test.verdict.Is(test.expected); got != test.want {
			t.Errorf("%+v is %s: %v", test.verdict, test.expected, got)
		}
	}
}
