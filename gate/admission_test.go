package gate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/gate"
	"postern/policy"
)

// admit returns the admission of a request that is let through.
func admit(t testing.TB, g *gate.Gate, line string, header ...string) *gate.Admission {
	t.Helper()
	d := decide(t, g, line, header...)
	if d.Denial != nil {
		t.Fatalf("%s: %v", line, d.Denial)
	}
	return d.Admission()
}

// What goes on after a reload is held to the route that its request would come to
// then, by the alternative that it was let through by.
func TestRematch(t *testing.T) {
	at := func(match string, authenticate ...string) policy.RouteSettings { return route(t, match, authenticate) }
	group := func(members ...string) policy.RouteSettings {
		s := at("/chat")
		s.Authenticate = []policy.OneOrMore[string]{members}
		return s
	}
	reporting := at("/chat", "customer")
	reporting.Mode = policy.Report
	stricter := authenticators(t)
	stricter["customer"] = stricter["widget"]
	visitor, customer, application := []string(nil), []string{bearer(t, "ann")}, []string{"X-Api-Key: " + apiKey}
	both := slices.Concat(customer, application)
	type routes []policy.RouteSettings
	for name, test := range map[string]struct {
		before policy.RouteSettings
		header []string
		after  routes
		by     map[string]authn.Authenticator // nil for the same again
		route  string
		want   policy.Reason
	}{
		"the same":                   {at("/chat", "customer"), customer, routes{at("/chat", "customer")}, nil, "/chat", policy.ReasonNone},
		"an alternative before it":   {at("/chat", "customer"), customer, routes{at("/chat", "project", "customer", "anonymous")}, nil, "/chat", policy.ReasonNone},
		"a wider pattern":            {at("/chat", "customer"), customer, routes{at("/", "customer")}, nil, "/", policy.ReasonNone},
		"no pattern":                 {at("/chat", "customer"), customer, routes{at("/other", "customer")}, nil, "", policy.NoRoute},
		"another method":             {at("/chat", "customer"), customer, routes{at("POST /chat", "customer")}, nil, "", policy.MethodNotAllowed},
		"another host":               {at("/chat", "customer"), customer, routes{at("other.example/chat", "customer")}, nil, "", policy.NoRoute},
		"a stricter pattern":         {at("/", "customer"), customer, routes{at("/", "customer"), at("/chat", "widget")}, nil, "", policy.MissingCredential},
		"a pattern of its host":      {at("/", "customer"), customer, routes{at("/", "widget"), at("example.com/", "customer")}, nil, "example.com/", policy.ReasonNone},
		"another authenticator":      {at("/chat", "customer"), customer, routes{at("/chat", "widget")}, nil, "", policy.MissingCredential},
		"another one of its name":    {at("/chat", "customer"), customer, routes{at("/chat", "customer")}, stricter, "", policy.MissingCredential},
		"visitors still":             {at("/chat", "customer", "anonymous"), visitor, routes{at("/chat", "anonymous")}, nil, "/chat", policy.ReasonNone},
		"no visitors any more":       {at("/chat", "customer", "anonymous"), visitor, routes{at("/chat", "customer")}, nil, "", policy.MissingCredential},
		"a group":                    {group("key", "customer"), both, routes{group("key", "customer")}, nil, "/chat", policy.ReasonNone},
		"a group, one of it another": {group("key", "customer"), both, routes{group("key", "customer")}, stricter, "", policy.MissingCredential},
		"one of the group alone":     {group("key", "customer"), both, routes{at("/chat", "customer")}, nil, "", policy.MissingCredential},
		"another group":              {group("key", "customer"), both, routes{group("project", "customer")}, nil, "", policy.MissingCredential},
		"a group in place of one":    {at("/chat", "key"), application, routes{group("key", "customer")}, nil, "", policy.MissingCredential},
		"what was only reported":     {reporting, visitor, routes{at("/chat", "widget")}, nil, "/chat", policy.ReasonNone},
		"reported, and its path":     {reporting, visitor, routes{at("/other", "customer")}, nil, "", policy.NoRoute},
	} {
		a := admit(t, newGate(t, test.before), "GET /chat?token=1", test.header...)
		if test.by == nil {
			test.by = authenticators(t)
		}
		got, err := compile(t, test.after, identityHeaders, test.by).Rematch(a)
		matched := ""
		if err == nil {
			matched = got.Route.Name
		}
		if matched != test.route || policy.ReasonOf(err) != test.want {
			t.Errorf("%s: %q, %v, want %q, %v", name, matched, err, test.route, test.want)
		}
	}
}

// An admission knows the end of its credential; where there was none, it goes on
// only as long as the route reports.
func TestAdmission(t *testing.T) {
	reporting := route(t, "/chat", []string{"customer"})
	reporting.Mode = policy.Report
	type standing struct {
		Expires           bool
		Lapsed, Withdrawn policy.Reason
	}
	for name, test := range map[string]struct {
		route  policy.RouteSettings
		header []string
		want   standing // an hour later
	}{
		"a token":              {route(t, "/chat", []string{"customer"}), []string{bearer(t, "ann")}, standing{true, policy.TokenExpired, policy.ReasonNone}},
		"an application":       {route(t, "/chat", []string{"project"}), []string{"Authorization: Token " + projectToken}, standing{}},
		"a visitor":            {route(t, "/chat", []string{"anonymous"}), nil, standing{}},
		"a reported token":     {reporting, []string{"Authorization: Bearer " + token(t, jwt.MapClaims{"id": "ann"})}, standing{false, policy.ReasonNone, policy.MissingClaim}},
		"none, and reported":   {reporting, nil, standing{false, policy.ReasonNone, policy.MissingCredential}},
		"a token and reported": {reporting, []string{bearer(t, "ann")}, standing{true, policy.TokenExpired, policy.ReasonNone}},
	} {
		a := admit(t, newGate(t, test.route), "GET /chat", test.header...)
		later := now.Add(time.Hour)
		got := standing{a.Expires(), policy.ReasonOf(a.Lapsed(later)), policy.ReasonOf(a.Withdrawn(later))}
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
		if err := a.Lapsed(now); err != nil {
			t.Errorf("%s: has lapsed at once: %v", name, err)
		}
	}
}

// What is taken away afterwards is taken from what goes on, too.
func TestAdmissionIsRevoked(t *testing.T) {
	var list authn.Revocations
	by := authenticators(t)
	by["customer"].Heed(&list)
	g := compile(t, []policy.RouteSettings{route(t, "/chat", []string{"customer"})}, identityHeaders, by)
	customer, a := "ann", admit(t, g, "GET /chat", bearer(t, "ann"))
	list.Replace(authn.NewRevocationList([]authn.Revocation{{CustomerID: &customer, IssuedBefore: now}}))
	if got := policy.ReasonOf(a.Withdrawn(now)); got != policy.Revoked {
		t.Errorf("withdrawn: %v", got)
	}
}
