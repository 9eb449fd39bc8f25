package explain

import (
	"fmt"
	"net/http"
	"slices"

	"postern/policy"
)

// The decisions of a [Verdict].
const (
	Allow = "allow"
	Deny  = "deny"
	// ReportDeny lets the request pass on a route that only reports what it would
	// refuse.
	ReportDeny = "report_deny"
)

// Verdict is what a request comes to.
type Verdict struct {
	Decision string `json:"decision"`
	// Reason is none for a request that is allowed, and for one that is no HTTP.
	Reason string `json:"reason"`
	// Status is that of the answer, 0 where the upstream answers.
	Status int    `json:"status,omitempty"`
	Detail string `json:"detail,omitempty"`
	// DependsOn is what would have to be asked over the network to know: without it
	// the verdict is that of an outage.
	DependsOn string `json:"depends_on,omitempty"`
}

func newVerdict(o *Outcome, p *Policy) Verdict {
	denial, decision := o.Preview.Denial, Deny
	if denial == nil {
		denial, decision = o.Preview.Decision.Reported, ReportDeny
	}
	v := Verdict{Decision: Allow, Reason: policy.ReasonNone.String()}
	if o.Sent == nil {
		v.Status = o.Answer.StatusCode
	}
	if denial == nil {
		return v
	}
	v.Decision, v.Reason, v.Detail = decision, denial.Reason.String(), denial.Sentence()
	if decision == Deny {
		v.Status = o.Answer.StatusCode
	}
	if steps := o.Preview.Trace.Steps; denial.Reason.Unavailable() && len(steps) > 0 {
		v.DependsOn = p.Missing[steps[len(steps)-1].By]
	}
	return v
}

// Expectations returns every word that [Verdict.Is] knows.
func Expectations() []string {
	words := []string{Allow, Deny, ReportDeny}
	for _, reason := range policy.Reasons() {
		words = append(words, reason.String())
	}
	return words
}

// Is reports whether the verdict is what was expected: a decision, or the reason of
// a denial that is not only reported. One that depends on something is no decision,
// but has a reason.
func (v *Verdict) Is(expected string) bool {
	if slices.Contains([]string{Allow, Deny, ReportDeny}, expected) {
		return v.Decision == expected && v.DependsOn == ""
	}
	return v.Decision == Deny && v.Reason == expected
}

// String is the verdict in a line.
func (v *Verdict) String() string {
	text := v.Decision
	if v.Reason != policy.ReasonNone.String() {
		text += ": " + v.Reason
	}
	if v.Status != 0 {
		text += fmt.Sprintf(" (%d %s)", v.Status, http.StatusText(v.Status))
	}
	return text
}
