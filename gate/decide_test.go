package gate_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/gate"
	"postern/policy"
)

// TestStagesInOrder takes one fault after the other from a request that has
// one for every stage: the earliest decides.
func TestStagesInOrder(t *testing.T) {
	g := newGate(t, route(t, "POST /a/{id}", []string{"customer"}, rule{request: "path.id"}, rule{request: "query.id"}))
	const forged = "Authorization: Bearer forged"
	for _, test := range []struct {
		line   string
		header []string
		want   string
	}{
		{"TRACE //nowhere%2F?;&Id=x", []string{"Connection: x", forged}, "malformed_request: TRACE is not served"},
		{"GET //nowhere%2F?;&Id=x", []string{"Connection: x", forged}, "ambiguous_path: the path holds an empty segment"},
		{"GET /nowhere%2Fb?;&Id=x", []string{"Connection: x", forged}, "malformed_request: Connection names a header that is not its to name"},
		{"GET /nowhere%2Fb?;&Id=x", []string{forged}, "malformed_request: the query holds a byte that must be encoded"},
		{"GET /nowhere%2Fb?Id=x", []string{forged}, "ambiguous_path: the path holds an encoded slash"},
		{"GET /nowhere?Id=x", []string{forged}, "no_route"},
		{"GET /a/ann%2Fb?Id=x", []string{forged}, "method_not_allowed"},
		{"POST /a/ann%2Fb?Id=x", []string{forged}, "ambiguous_path: the path holds an encoded slash"},
		{"POST /a/ann?Id=x", []string{forged}, "malformed_request: a parameter is another spelling of id"},
		{"POST /a/ann?id=x", nil, "missing_credential"},
		{"POST /a/ann?id=x", []string{forged}, "malformed_credential: a JWT has three parts"},
		{"POST /a/ann?id=x", []string{bearer(t, "bob")}, "identity_mismatch: path.id differs from customer_id"},
		{"POST /a/ann?id=x", []string{bearer(t, "ann")}, "identity_mismatch: query.id differs from customer_id"},
		{"POST /a/ann?id=ann", []string{bearer(t, "ann")}, "<nil>"},
	} {
		d := decide(t, g, test.line, test.header...)
		got := "<nil>"
		if d.Denial != nil {
			got = d.Denial.Error()
		}
		if got != test.want {
			t.Errorf("%s %.30q: %s, want %s", test.line, test.header, got, test.want)
		}
	}
}

func TestRequestLine(t *testing.T) {
	public := []string{"anonymous"}
	slashes := route(t, "/files/{name...}", public)
	slashes.AllowEncodedSlash = true
	loose := route(t, "/Loose/{id}/end", public)
	loose.LoosePaths = true
	g := newGate(t,
		route(t, "/{$}", public), route(t, "GET /a", public), route(t, "/a/{x}", public), route(t, "/admin/only", public), route(t, "/admin/", public),
		route(t, "other.example.com/a", public), slashes, loose,
	)
	for _, test := range []struct {
		line   string
		header []string
		reason policy.Reason
		route  string
	}{
		{"GET /", nil, policy.ReasonNone, "/{$}"},
		{"GET /a", nil, policy.ReasonNone, "GET /a"},
		{"HEAD /a", nil, policy.ReasonNone, "GET /a"},
		{"POST /a", nil, policy.MethodNotAllowed, ""},
		{"GET /b", nil, policy.NoRoute, ""},
		{"GET http://example.com/a", nil, policy.ReasonNone, "GET /a"},
		{"GET http://example.com", nil, policy.ReasonNone, "/{$}"},
		{"GET http://OTHER.example.com.:80/a", []string{"Host: example.com"}, policy.ReasonNone, "other.example.com/a"},
		{"POST http://other.example.com/a", []string{"Host: example.com"}, policy.ReasonNone, "other.example.com/a"}, // the target's host counts
		{"POST /a", []string{"Host: other.example.com"}, policy.ReasonNone, "other.example.com/a"},
		{"GET mailto:a", nil, policy.MalformedRequest, ""},
		{"OPTIONS *", nil, policy.MalformedRequest, ""},
		{"CONNECT example.com:443", nil, policy.MalformedRequest, ""},
		{"CONNECT /a", nil, policy.MalformedRequest, ""},
		{"TRACE /a", nil, policy.MalformedRequest, ""},
		{"GET /a#b", nil, policy.AmbiguousPath, ""},
		{"GET /a?b#c", nil, policy.AmbiguousPath, ""},
		{"GET /a/../a", nil, policy.AmbiguousPath, ""},
		{"GET /a/%2e%2E/a", nil, policy.AmbiguousPath, ""},
		{"GET /a//b", nil, policy.AmbiguousPath, ""},
		{"GET /a/b;c", nil, policy.AmbiguousPath, ""},
		{"GET /a/%5Cb", nil, policy.AmbiguousPath, ""},
		{"GET /a/%00", nil, policy.AmbiguousPath, ""},
		{"GET /a/%252e", nil, policy.AmbiguousPath, ""},
		{"GET /a/%ff", nil, policy.AmbiguousPath, ""},
		{"GET /a/b%2Fc", nil, policy.AmbiguousPath, "/a/{x}"},
		{"GET /a/b%2fc", nil, policy.AmbiguousPath, "/a/{x}"},
		{"GET /files/b%2Fc", nil, policy.ReasonNone, "/files/{name...}"},
		{"GET /files/b%2F..%2Fc", nil, policy.AmbiguousPath, ""},
		{`GET /files/b%2F"c`, nil, policy.AmbiguousPath, ""}, // which net/url would decode
		{"GET /admin/else", nil, policy.ReasonNone, "/admin/"},
		{"GET /admin/only/", nil, policy.AmbiguousPath, ""},
		{"GET /admin/ONLY", nil, policy.AmbiguousPath, ""},
		{"GET /admin/only%20", nil, policy.AmbiguousPath, ""},
		{"GET /A", nil, policy.NoRoute, ""},
		{"GET /Loose/1/end", nil, policy.ReasonNone, "/Loose/{id}/end"},
		{"GET /loose/1/END./", nil, policy.ReasonNone, "/Loose/{id}/end"},
		{"GET /a?x=%zz", nil, policy.MalformedRequest, ""},
		{"GET /a?x=1;y=2", nil, policy.MalformedRequest, ""},
	} {
		d := decide(t, g, test.line, test.header...)
		got := verdictOf(d)
		if got.Reason != test.reason || got.Route != test.route {
			t.Errorf("%s %q: %v on %q, want %v on %q", test.line, test.header, got.Reason, got.Route, test.reason, test.route)
		}
		if allowed := d.Denial == nil; allowed != (d.Verified != nil) || allowed && d.Pattern() == nil || d.Route == nil && d.Pattern() != nil {
			t.Errorf("%s %q: identity %v, pattern %v", test.line, test.header, d.Verified, d.Pattern())
		}
	}
}

func TestADecisionCanBeReused(t *testing.T) {
	g := newGate(t, route(t, "/a/{id}", []string{"customer"}, rule{request: "path.id"}), route(t, "/public/", []string{"anonymous"}))
	requests := []*gate.Request{
		request(t, "GET /a/ann", bearer(t, "ann")), request(t, "GET /a/bob", bearer(t, "ann")), request(t, "GET /public/x"),
		request(t, "GET /nowhere"), request(t, "GET //"), request(t, "GET /a/ann"),
	}
	reused := new(gate.Decision)
	for i := range len(requests) * len(requests) {
		r := requests[(i+i/len(requests))%len(requests)]
		fresh := new(gate.Decision)
		g.Decide(t.Context(), r, fresh)
		g.Decide(t.Context(), r, reused)
		if diff := cmp.Diff(fmt.Sprint(verdictOf(fresh), fresh.Pattern()), fmt.Sprint(verdictOf(reused), reused.Pattern())); diff != "" {
			t.Errorf("%s after another: %s", r.Target, diff)
		}
	}
}
