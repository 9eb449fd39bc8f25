package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/explain"
	"postern/policy"
)

// For each request of the table of reasons, explain says what serve does, to the
// byte of the answer, and tells no credential. What takes the network to know it
// tells as such.
func TestExplainAgreesWithServe(t *testing.T) {
	w := newWorld(t)
	jwks := w.idp.save(t)
	dependent := map[policy.Reason]policy.Reason{ // offline, by what serve says
		policy.InactiveToken: policy.IntrospectionUnavailable, policy.KeysUnavailable: policy.KeysUnavailable,
		policy.IntrospectionUnavailable: policy.IntrospectionUnavailable, policy.ProfileUnavailable: policy.ProfileUnavailable,
	}
	for _, r := range refusals(t, w) {
		if r.provoke != nil || r.reason == policy.TooManyFailures {
			continue // it takes more than the request
		}
		t.Run(r.reason.String()+" "+r.name, func(t *testing.T) {
			report, text := explained(t, w.file, append(r.commandLine(), "--jwks", "customer-token="+jwks)...)
			hidesCredentials(t, text, r.fields)
			if expected, depends := dependent[r.reason]; depends {
				if r.authenticator == "own-token" {
					expected = policy.ProfileUnavailable
				}
				if v := report.Verdict; v.Reason != expected.String() || v.DependsOn == "" {
					t.Errorf("verdict %+v, want %s that depends on something", v, expected)
				}
				return
			}
			if r.afterDecision() {
				if diff := cmp.Diff(explain.Verdict{Decision: explain.Allow, Reason: "none"}, report.Verdict); diff != "" {
					t.Errorf("verdict (-want +got):\n%s", diff)
				}
				return
			}
			r.complete()
			if diff := cmp.Diff(explain.Verdict{
				Decision: explain.Deny, Reason: r.reason.String(), Status: statuses[r.reason], Detail: r.detail,
			}, report.Verdict); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if last := report.Steps[len(report.Steps)-1]; last.Outcome != "denied" {
				t.Errorf("the last step is %+v", last)
			}
			served := w.exchange(w.request(r.method, r.target, strings.NewReader(r.body), r.fields...))
			w.log.next(t, "request")
			if diff := cmp.Diff(newAnswered(served.status, lines(served.header), served.body),
				newAnswered(report.Answer.Status, report.Answer.Header, report.Answer.Body)); diff != "" {
				t.Errorf("answer (-served +explained):\n%s", diff)
			}
		})
	}
}

// answered is an answer of Postern's own, without what differs from one request to
// the next.
type answered struct {
	Status int
	Header []string
	Body   map[string]any
}

func newAnswered(status int, lines []string, body string) answered {
	a := answered{Status: status, Header: lines}
	a.Header = slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return strings.HasPrefix(line, "Date:") || strings.HasPrefix(line, "Content-Length:")
	})
	slices.Sort(a.Header)
	_ = json.Unmarshal([]byte(body), &a.Body) // nil differs from what is expected
	delete(a.Body, "request_id")
	return a
}

// lines writes a header as lines, in no order.
func lines(h http.Header) (list []string) {
	for name, values := range h {
		for _, value := range values {
			list = append(list, name+": "+value)
		}
	}
	return list
}

// hidesCredentials wants nothing of what stands in the fields after a scheme, or in
// a cookie, in a text.
func hidesCredentials(t *testing.T, text string, fields []string) {
	t.Helper()
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if name != "Authorization" && name != "Cookie" {
			continue
		}
		secret := value[strings.LastIndexAny(value, " =")+1:]
		if parts := strings.Split(secret, "."); len(parts) == 3 {
			for _, part := range parts {
				if len(part) > 8 && strings.Contains(text, part) {
					t.Errorf("a part of the token is told: %s", text)
				}
			}
		}
		if len(secret) > 1 && strings.Contains(text, secret) {
			t.Errorf("the credential %q is told: %s", secret, text)
		}
	}
}
