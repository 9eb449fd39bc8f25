package explain

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"postern/authn"
	"postern/policy"
)

// Report is an explanation. Its JSON form is stable: members are added, never
// renamed or removed.
type Report struct {
	Request      RequestReport       `json:"request"`
	Route        *RouteReport        `json:"route"` // null where none matched
	Neighbours   []NeighbourReport   `json:"neighbours"`
	Alternatives []AlternativeReport `json:"alternatives"`
	Steps        []StepReport        `json:"steps"`
	Verdict      Verdict             `json:"verdict"`
	Identity     *IdentityReport     `json:"identity"` // null where none was verified
	// Answer is what the client gets from Postern itself, null where the upstream
	// answers; Upstream is what that gets, null where it gets nothing.
	Answer   *AnswerReport   `json:"answer"`
	Upstream *UpstreamReport `json:"upstream"`

	scrub scrub
}

// RequestReport is what was asked about.
type RequestReport struct {
	Method string    `json:"method"`
	Host   string    `json:"host"`
	Target string    `json:"target"`
	Header []string  `json:"header"`
	Body   int       `json:"body_bytes"`
	Time   time.Time `json:"time"`
}

// RouteReport is the matched route.
type RouteReport struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
	// Mode is enforce or report, whichever holds at the time.
	Mode string `json:"mode"`
}

// NeighbourReport is a pattern that did not match, or did not win.
type NeighbourReport struct {
	Route   string `json:"route"`
	Pattern string `json:"pattern"`
	Why     string `json:"why"`
}

// AlternativeReport is what the request has for an alternative of the route.
type AlternativeReport struct {
	Name        string             `json:"name"`
	Chosen      bool               `json:"chosen"`
	Why         string             `json:"why"`
	Credentials []CredentialReport `json:"credentials"`
}

// CredentialReport is what the request has for one authenticator.
type CredentialReport struct {
	Authenticator string `json:"authenticator"`
	Found         bool   `json:"found"`
	// Places are where the credential may stand, or where it was found.
	Places []string `json:"places"`
	Bytes  int      `json:"bytes"`
	Why    string   `json:"why,omitempty"`
	// Unverified is what the credential says of itself.
	Unverified []string `json:"unverified,omitempty"`
}

// StepReport is one check.
type StepReport struct {
	Check         authn.Check `json:"check"`
	Authenticator string      `json:"authenticator,omitempty"`
	Rule          string      `json:"rule,omitempty"` // of a consistency check
	// Outcome is passed, skipped or denied.
	Outcome    string   `json:"outcome"`
	Compared   []string `json:"compared,omitempty"`
	Unverified bool     `json:"unverified,omitempty"`
	// Keys says where the keys of a source come from that serve would ask.
	Keys string `json:"keys,omitempty"`
}

// The outcomes of steps.
const (
	passed  = "passed"
	skipped = "skipped"
	denied  = "denied"
)

// IdentityReport is who the request is from, as far as it is verified.
type IdentityReport struct {
	Level         string          `json:"level"`
	Customer      json.RawMessage `json:"customer_id"` // null below level customer
	Authenticator string          `json:"authenticator"`
	Tenant        string          `json:"tenant,omitempty"`
	CredentialID  string          `json:"credential_id,omitempty"`
	ExpiresAt     *time.Time      `json:"expires_at"`
}

// AnswerReport is an answer of Postern's own.
type AnswerReport struct {
	Status int      `json:"status"`
	Header []string `json:"header"`
	Body   string   `json:"body"`
}

// UpstreamReport is the request that an upstream gets.
type UpstreamReport struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	URL    string `json:"url"`
	Host   string `json:"host"`
	// Set are fields that the client did not send so, Passed those that it did, and
	// Removed the names of those that the upstream does not get.
	Set     []string `json:"set"`
	Passed  []string `json:"passed"`
	Removed []string `json:"removed"`
}

// Policy is what a report needs to know of the configuration.
type Policy struct {
	Routes []*policy.Route
	// Carriers are those of all authenticators.
	Carriers []authn.Carrier
	// Keys says of authenticators where the keys come from that they are given, and
	// Missing what would have to be known of those that have to ask.
	Keys, Missing map[string]string
}

// maxNeighbours is how many patterns beside the matched one are told of.
const maxNeighbours = 3

// NewReport writes down what came of a request at a time.
func NewReport(r *Request, o *Outcome, at time.Time, p *Policy) *Report {
	m := newMask(p.Carriers)
	report := &Report{
		Request: RequestReport{
			Method: r.Method, Host: r.Host, Target: m.target(r.Target), Header: m.sent(r.Fields), Body: len(r.Body), Time: at,
		},
		Neighbours: []NeighbourReport{}, Alternatives: []AlternativeReport{}, Steps: []StepReport{},
	}
	if o.Preview == nil {
		report.Verdict = Verdict{
			Decision: Deny, Reason: policy.ReasonNone.String(), Status: o.Answer.StatusCode,
			Detail: "the request is not well-formed HTTP, and gets no further: " + o.Answer.Status,
		}
		report.Answer = answerReport(o)
		return report
	}
	report.addRoute(o, p)
	report.addTrace(&o.Preview.Trace, at, p)
	report.Verdict = newVerdict(o, p)
	report.addIdentity(o.Preview.Decision.Verified)
	if o.Sent != nil && o.Preview.Denial == nil {
		report.Upstream = upstreamReport(o, m)
	} else {
		report.Answer = answerReport(o)
	}
	return report
}

// addRoute says which route matched, and which others nearly did, where one was
// looked for.
func (r *Report) addRoute(o *Outcome, p *Policy) {
	d := &o.Preview.Decision
	if route := d.Route; route != nil && d.Pattern() != nil {
		r.Route = &RouteReport{route.Name, d.Pattern().String(), "enforce"}
		if route.Reports(o.Preview.Time) {
			r.Route.Mode = "report"
		}
	}
	if !slices.ContainsFunc(o.Preview.Trace.Steps, func(s authn.Step) bool { return s.Check == authn.CheckRoute }) {
		return
	}
	for _, n := range policy.Neighbours(p.Routes, d.Pattern(), r.Request.Method, policy.NormalizeHost(r.Request.Host), o.Path, maxNeighbours) {
		r.Neighbours = append(r.Neighbours, NeighbourReport{n.Route.Name, n.Pattern.String(), n.Why})
	}
}

func (r *Report) addIdentity(v *authn.Verified) {
	if v == nil {
		return
	}
	customer, err := json.Marshal(v.Customer)
	if err != nil {
		customer = json.RawMessage("null")
	}
	r.Identity = &IdentityReport{
		Level: v.Level.String(), Customer: customer, Authenticator: v.Authenticator, Tenant: v.Tenant, CredentialID: v.CredentialID,
	}
	if !v.ExpiresAt.IsZero() {
		end := v.ExpiresAt.UTC()
		r.Identity.ExpiresAt = &end
	}
}

func answerReport(o *Outcome) *AnswerReport {
	header := o.Answer.Header.Clone()
	header.Del("Date") // which says nothing of the request
	return &AnswerReport{Status: o.Answer.StatusCode, Header: lines(header), Body: string(o.Body)}
}

func upstreamReport(o *Outcome, m *mask) *UpstreamReport {
	d, out := &o.Preview.Decision, o.Sent
	report := &UpstreamReport{
		Name: d.Route.Upstream, Method: out.Method, URL: m.target(out.URL.String()), Host: cmp.Or(out.Host, out.URL.Host),
		Set: []string{}, Passed: []string{}, Removed: []string{},
	}
	for _, name := range slices.Sorted(names(out.Header)) {
		list := &report.Set
		if slices.Equal(out.Header[name], o.Received[name]) {
			list = &report.Passed
		}
		*list = append(*list, lines(m.header(http.Header{name: out.Header[name]}))...)
	}
	for _, name := range slices.Sorted(names(o.Received)) {
		if _, stays := out.Header[name]; !stays {
			report.Removed = append(report.Removed, name)
		}
	}
	return report
}
