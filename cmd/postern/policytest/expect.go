package policytest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"postern/policy"
)

// Expectation is what must come of a case. What is left out may be anything.
type Expectation struct {
	// Verdict stands in place of the mapping: a [Decision], or a [Reason] for which
	// the request is refused, and not only reported.
	Verdict  Verdict  `yaml:",scalar"`
	Decision Decision `yaml:"decision"`
	Reason   Reason   `yaml:"reason"`
	// Status is that of the answer, 200 for a request that passes: what the upstream
	// answers is not known.
	Status        int    `yaml:"status"`
	Route         string `yaml:"route"`
	Authenticator string `yaml:"authenticator"`
	// Headers must reach the upstream with exactly these values, Absent must not.
	Headers map[string]policy.OneOrMore[string] `yaml:"headers"`
	Absent  []string                            `yaml:"absent"`
}

// Decision is allow, deny, or report_deny for what a route only reports.
type Decision string

// The decisions, as the metrics have them.
const (
	allow      Decision = "allow"
	deny       Decision = "deny"
	reportDeny Decision = "report_deny"
)

// UnmarshalText reads the decision.
func (d *Decision) UnmarshalText(text []byte) error {
	if *d = Decision(text); *d != allow && *d != deny && *d != reportDeny {
		return fmt.Errorf("%q is no decision: use allow, deny or report_deny", text)
	}
	return nil
}

// Reason is the name of a reason for a denial.
type Reason string

// UnmarshalText reads the reason.
func (r *Reason) UnmarshalText(text []byte) error {
	if !slices.ContainsFunc(policy.Reasons(), func(known policy.Reason) bool { return known.String() == string(text) }) {
		return fmt.Errorf("%q is no reason, such as missing_credential", text)
	}
	*r = Reason(text)
	return nil
}

// Verdict is a decision or a reason.
type Verdict string

// UnmarshalText reads the verdict.
func (v *Verdict) UnmarshalText(text []byte) error {
	if new(Decision).UnmarshalText(text) != nil && new(Reason).UnmarshalText(text) != nil {
		return errors.New("wants allow, deny, report_deny or a reason, such as missing_credential")
	}
	*v = Verdict(text)
	return nil
}

// check reports what is wrong with the expectation of the case at a path.
func (e *Expectation) check(at policy.Path, problems *policy.Problems) {
	if e.Verdict == "" && e.Decision == "" && e.Reason == "" && e.Status == 0 {
		problems.Addf(at, "expect is missing: say allow, deny or a reason, or decision, reason or status")
	}
	at = at.At("expect")
	refused := e.Decision == deny || e.Reason != "" && e.Decision != reportDeny || e.Status >= http.StatusBadRequest
	for _, key := range []struct {
		name  string
		given bool
	}{{"headers", e.Headers != nil}, {"absent", e.Absent != nil}} {
		if key.given && refused {
			problems.Addf(at.At(key.name), "says nothing of a request that is refused: the upstream does not see it")
		}
	}
	if e.Decision == allow && e.Reason != "" {
		problems.Addf(at.At("reason"), "says nothing of a request that is allowed")
	}
	checkHeaders(at.At("headers"), e.Headers, problems)
}

// difference is one thing that came out otherwise.
type difference struct {
	at      policy.Path // below the expectation
	message string
}

// compare returns what differs of an outcome, in the order of the keys above.
func (e *Expectation) compare(o *Outcome) (list []difference) {
	differs := func(message string, at ...any) {
		list = append(list, difference{policy.Path(at), message})
	}
	text := func(key, want, got string) {
		if want != "" && want != got {
			differs(fmt.Sprintf("%s: want %s, got %s", key, want, cmp.Or(got, "none")), key)
		}
	}
	// A request that is only reported reaches the upstream: a reason means a denial,
	// unless the decision says otherwise.
	refusedFor := func(reason string) bool {
		return reason == o.Reason && (o.Decision == deny || e.Decision == reportDeny)
	}
	if v := string(e.Verdict); v != "" && v != string(o.Decision) && !refusedFor(v) {
		differs(fmt.Sprintf("want %s, got %s", v, o.describe()))
	}
	if e.Decision != "" && e.Decision != o.Decision {
		differs(fmt.Sprintf("decision: want %s, got %s", e.Decision, o.describe()), "decision")
	}
	if e.Reason != "" && !refusedFor(string(e.Reason)) {
		differs(fmt.Sprintf("reason: want %s, got %s", e.Reason, o.describe()), "reason")
	}
	if e.Status != 0 && e.Status != o.Status {
		differs(fmt.Sprintf("status: want %d, got %d (%s)", e.Status, o.Status, o.describe()), "status")
	}
	text("route", e.Route, o.Route)
	text("authenticator", e.Authenticator, o.Authenticator)
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		want, got := e.Headers[name], o.Headers[http.CanonicalHeaderKey(name)]
		if !slices.Equal(want, got) {
			differs(fmt.Sprintf("header %s: want %s, got %s", name, quoteAll(want), o.header(got)), "headers", name)
		}
	}
	for i, name := range e.Absent {
		if got := o.Headers[http.CanonicalHeaderKey(name)]; got != nil {
			differs(fmt.Sprintf("header %s: want none, got %s", name, quoteAll(got)), "absent", i)
		}
	}
	return list
}

func quoteAll(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = fmt.Sprintf("%q", text)
	}
	return strings.Join(quoted, ", ")
}
