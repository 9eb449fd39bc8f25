package gate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/policy"
)

// service is an authenticator that asks somebody, in place of whom the test answers.
type service struct {
	authn.Authenticator // for its carriers
	every               time.Duration
	reads               []policy.Reference
	asked               []string // the credential, and what was read
	answer              policy.Identity
	err                 error
}

func (s *service) RenewEvery() time.Duration     { return s.every }
func (s *service) Same(authn.Inquirer) bool      { return false }
func (s *service) Retire()                       {}
func (s *service) Vouches(*authn.Verified) error { return nil }
func (s *service) Reads() []policy.Reference     { return s.reads }

func (s *service) Verify(_ context.Context, c authn.Credential, _ time.Time) (*authn.Verified, authn.CacheUse, error) {
	s.asked = append(s.asked, c.Value)
	for _, ref := range s.reads {
		texts, err := c.Request.Texts(ref)
		if err != nil {
			return nil, authn.NoCache, err
		}
		s.asked = append(s.asked, texts...)
	}
	if s.err != nil {
		return nil, authn.CacheMiss, s.err
	}
	return &authn.Verified{Identity: s.answer}, authn.CacheMiss, nil
}

// newService takes the carrier of customer, and knows ann.
func newService(t testing.TB, reads ...string) *service {
	s := &service{
		Authenticator: authenticators(t)["customer"], every: time.Minute,
		answer: policy.Identity{Level: policy.Customer, Customer: "ann", Authenticator: "opaque", Claims: map[string]any{"scope": "read write"}},
	}
	for _, text := range reads {
		s.reads = append(s.reads, reference(t, text))
	}
	return s
}

// servedBy returns a gate with a route that a service guards, in a group with an
// application.
func servedBy(t testing.TB, s *service) *gate.Gate {
	t.Helper()
	r := route(t, "/chat/{room}", nil)
	r.Authenticate = []policy.OneOrMore[string]{{"key", "opaque"}}
	r.Require.Scopes = policy.OneOrMore[string]{"write"}
	by := authenticators(t)
	by["opaque"] = s
	return compile(t, []policy.RouteSettings{r}, identityHeaders, by)
}

// What lasts is held to what the service says later: as long as that is the same
// customer, who may do what the route asks for.
func TestRenew(t *testing.T) {
	outage := policy.Fail(policy.IntrospectionUnavailable, errors.New("down"))
	for name, test := range map[string]struct {
		change func(s *service)
		want   policy.Reason
	}{
		"the same":         {func(*service) {}, policy.ReasonNone},
		"another end":      {func(s *service) { s.answer.ExpiresAt = now.Add(time.Hour) }, policy.ReasonNone},
		"inactive":         {func(s *service) { s.err = policy.Deny(policy.InactiveToken, "") }, policy.InactiveToken},
		"an outage":        {func(s *service) { s.err = outage }, policy.IntrospectionUnavailable},
		"another customer": {func(s *service) { s.answer.Customer = "bob" }, policy.IdentityMismatch},
		"no customer":      {func(s *service) { s.answer.Level, s.answer.Customer = policy.Application, nil }, policy.IdentityMismatch},
		"fewer scopes":     {func(s *service) { s.answer.Claims = map[string]any{"scope": "read"} }, policy.InsufficientScope},
	} {
		s := newService(t)
		a := admit(t, servedBy(t, s), "GET /chat/1", "Authorization: Bearer token-1", "X-Api-Key: "+apiKey)
		if got := a.RenewEvery(); got != time.Minute {
			t.Errorf("%s: renewed every %s", name, got)
		}
		test.change(s)
		renewed, err := a.Renew(t.Context(), now)
		if got := policy.ReasonOf(err); got != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if diff := cmp.Diff([]string{"token-1", "token-1"}, s.asked); diff != "" {
			t.Errorf("%s: asked (-want +got):\n%s", name, diff)
		}
		if err == nil && renewed.Expires() == s.answer.ExpiresAt.IsZero() {
			t.Errorf("%s: its end is not that of the last answer", name)
		}
	}
}

// What the question was made of is asked again when the request is long gone, also
// by the authenticator of another generation.
func TestRenewAfterAReload(t *testing.T) {
	reads := []string{"path.room", "query.locale", "header.X-Device", "body.tenant"}
	before, after := newService(t, reads...), newService(t, reads...)
	r := request(t, "POST /chat/1?locale=de", "Authorization: Bearer token-1", "X-Api-Key: "+apiKey, "X-Device: phone", "Content-Type: application/json")
	r.Body = sent(`{"tenant":"acme"}`)
	var d gate.Decision
	servedBy(t, before).Decide(t.Context(), r, &d)
	if d.Denial != nil {
		t.Fatal(d.Denial)
	}
	d.Outbound(r.Header.Clone(), r.URL)
	a, err := servedBy(t, after).Rematch(d.Admission(), now)
	if err != nil {
		t.Fatal(err)
	}
	clear(r.Header)
	if _, err := a.Renew(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"token-1", "1", "de", "phone", "acme"}, after.asked); diff != "" || len(before.asked) != 5 {
		t.Errorf("asked before %q, and then (-want +got):\n%s", before.asked, diff)
	}
}

// What needs nobody's word, or was let through to be reported, asks nobody.
func TestRenewsNothing(t *testing.T) {
	reporting := route(t, "/chat", []string{"customer"})
	reporting.Mode = policy.Report
	for name, a := range map[string]*gate.Admission{
		"a signed token": admit(t, newGate(t, route(t, "/chat", []string{"customer"})), "GET /chat", bearer(t, "ann")),
		"a visitor":      admit(t, newGate(t, route(t, "/chat", []string{"anonymous"})), "GET /chat"),
		"reported":       admit(t, newGate(t, reporting), "GET /chat"),
	} {
		if got := a.RenewEvery(); got != 0 {
			t.Errorf("%s: renewed every %s", name, got)
		}
	}
}
