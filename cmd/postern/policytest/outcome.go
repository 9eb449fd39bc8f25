package policytest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"postern/gate"
	"postern/policy"
)

// Outcome is what the gate decided.
type Outcome struct {
	Decision Decision `json:"decision"`
	// Reason is "" for a request that is allowed.
	Reason        string `json:"reason,omitempty"`
	Status        int    `json:"status"`
	Route         string `json:"route,omitempty"`
	Authenticator string `json:"authenticator,omitempty"`
	// Headers are those that the upstream receives, nil where it receives nothing.
	Headers http.Header `json:"headers,omitempty"`

	why       *policy.Denial
	preflight bool
}

// newOutcome reads a decision about a request.
func newOutcome(d *gate.Decision, r *http.Request) *Outcome {
	o := &Outcome{Decision: allow, Status: http.StatusOK, Authenticator: d.Authenticator, preflight: d.Preflight}
	if d.Route != nil {
		o.Route = d.Route.Name
	}
	switch {
	case d.Denial != nil:
		o.Decision, o.why, o.Status = deny, d.Denial, d.Answer("").Status
	case d.Preflight:
		o.Status = d.AnswerPreflight().Status
	case d.Reported != nil:
		o.Decision, o.why = reportDeny, d.Reported
	}
	if o.why != nil {
		o.Reason = o.why.Reason.String()
	}
	if o.Decision != deny && !d.Preflight {
		header, address := r.Header.Clone(), *r.URL
		d.Outbound(header, &address)
		o.Headers = header.Clone() // what an identity was rendered to is shared
	}
	return o
}

// mask writes credentials that the upstream receives as the case names them, so that
// none is printed and each can be expected. What is too short for a secret stays.
func (o *Outcome) mask(credentials map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		for _, values := range o.Headers {
			for i, value := range values {
				if credential := credentials[name]; len(credential) >= shortestSecret {
					values[i] = strings.ReplaceAll(value, credential, "${"+name+"}")
				}
			}
		}
	}
}

// shortestSecret is the length of what is masked.
const shortestSecret = 8

// describe says in words what was decided, and why.
func (o *Outcome) describe() string {
	if o.why == nil {
		return string(o.Decision)
	}
	text := o.Reason
	if o.Decision == reportDeny {
		text += ", only reported"
	}
	return text + ": " + o.why.Sentence()
}

// header describes what the upstream receives under a name.
func (o *Outcome) header(values []string) string {
	if o.Headers == nil {
		return "no request"
	}
	return quoteAll(values)
}
