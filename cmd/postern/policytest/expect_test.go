package policytest

import (
	"testing"

	"postern/policy"
)

// A route that begins to report only lets requests through, and its tests must tell.
func TestReasonsAreOfDenials(t *testing.T) {
	why := &policy.Denial{Reason: policy.TokenExpired}
	denied := &Outcome{Decision: deny, Reason: "token_expired", why: why}
	reported := &Outcome{Decision: reportDeny, Reason: "token_expired", why: why}
	sentence := ", only reported: " + why.Sentence()
	for name, c := range map[string]struct {
		expect  Expectation
		outcome *Outcome
		want    string
	}{
		"a word, denied":               {Expectation{Verdict: "token_expired"}, denied, ""},
		"a word, reported":             {Expectation{Verdict: "token_expired"}, reported, "want token_expired, got token_expired" + sentence},
		"a reason, denied":             {Expectation{Reason: "token_expired"}, denied, ""},
		"a reason, reported":           {Expectation{Reason: "token_expired"}, reported, "reason: want token_expired, got token_expired" + sentence},
		"a report, reported":           {Expectation{Verdict: "report_deny"}, reported, ""},
		"a report with its reason":     {Expectation{Decision: reportDeny, Reason: "token_expired"}, reported, ""},
		"a report with another reason": {Expectation{Decision: reportDeny, Reason: "bad_signature"}, reported, "reason: want bad_signature, got token_expired" + sentence},
	} {
		got := ""
		for _, d := range c.expect.compare(c.outcome) {
			got += d.message
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
