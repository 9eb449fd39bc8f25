package gate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// admit returns the admission of a request that is let through.
func admit(t testing.TB, g *gate.Gate, line string, header ...string) gate.Admission {
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
	demanding := at("/chat", "customer")
	demanding.Require.Scopes = policy.OneOrMore[string]{"chat"}
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
		"a stricter route":           {at("/chat", "customer"), customer, routes{demanding}, nil, "", policy.InsufficientScope},
		"a reporting route":          {at("/chat", "customer"), customer, routes{reporting}, stricter, "/chat", policy.ReasonNone},
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
		got, err := compile(t, test.after, identityHeaders, test.by).Rematch(&a, now)
		matched := ""
		if got != nil && err == nil {
			matched = got.Name
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
		got := standing{a.Expires(), policy.ReasonOf(a.Lapsed(later)), policy.ReasonOf(a.Renew(later))}
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
	if got := policy.ReasonOf(a.Renew(now)); got != policy.Revoked {
		t.Errorf("withdrawn: %v", got)
	}
}

// What a reporting route lets go on without its credential ends once a route enforces
// again, even where that one would not be asked.
func TestAdmissionIsReported(t *testing.T) {
	by := authenticators(t)
	enforcing, reporting := route(t, "/chat", []string{"customer"}), route(t, "/chat", []string{"customer"})
	reporting.Mode = policy.Report
	compiled := func(s policy.RouteSettings) *gate.Gate {
		return compile(t, []policy.RouteSettings{s}, identityHeaders, by)
	}
	a := admit(t, compiled(enforcing), "GET /chat", bearer(t, "ann"))
	if err := a.Renew(now); err != nil {
		t.Error(err)
	}
	by["customer"] = by["widget"]
	if got, err := compiled(reporting).Rematch(&a, now); got == nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got := policy.ReasonOf(a.Renew(now)); got != policy.MissingCredential {
		t.Errorf("renewed: %v", got)
	}
}

// An admission takes the bounds that the credential has in the next generation.
func TestRematchTakesNewBounds(t *testing.T) {
	end := now.Add(time.Minute)
	by, scheme := authenticators(t), "Token"
	a := admit(t, newGate(t, route(t, "/chat", []string{"project"})), "GET /chat", "Authorization: Token "+projectToken)
	var problems policy.Problems
	by["project"] = authn.NewToken("project", &authn.TokenSettings{
		CarrierSettings: authn.CarrierSettings{Scheme: &scheme},
		Tokens: []authn.StaticTokenSettings{
			{ID: "new", Value: keys.Value{Literal: projectToken}, NotAfter: end, Attributes: map[string]string{"project": "acme"}},
		},
	}, keys.Loader{}, nil, &problems)
	mustNot(t, problems)
	next := compile(t, []policy.RouteSettings{route(t, "/chat", []string{"project"})}, identityHeaders, by)
	if _, err := next.Rematch(&a, now); err != nil || !a.Expires() || policy.ReasonOf(a.Lapsed(end)) != policy.TokenExpired {
		t.Errorf("%v; has an end: %t; lapsed then: %v", err, a.Expires(), a.Lapsed(end))
	}
}

// refreshing is a set of keys that another one can replace.
type refreshing struct{ *keys.Static }

// An admission finds its key in a set once it has changed, and once only: it is asked
// about each second.
func TestRenewFollowsARefresh(t *testing.T) {
	s := new(authn.JWTSettings)
	s.SetDefaults()
	s.Algorithms = []string{"HS256"}
	load := func(id string) *keys.Static {
		var problems policy.Problems
		s.Keys.Secrets = []keys.SecretSettings{{ID: id, Value: keys.Value{Literal: jwtSecret}}}
		set := s.Keys.Load(nil, keys.Loader{}, false, &problems)
		mustNot(t, problems)
		return set
	}
	set, by := &refreshing{load("k1")}, authenticators(t)
	cache := authn.NewCache(authn.CacheSettings{Entries: 1, Bytes: 1 << 20, Max: policy.Duration(time.Hour)}, silent{})
	by["customer"] = authn.NewJWT("customer", s, set, cache, 16<<10)
	a := admit(t, compile(t, []policy.RouteSettings{route(t, "/chat", []string{"customer"})}, identityHeaders, by), "GET /chat", bearer(t, "ann"))
	next := load("k2")
	next.Inherit(set.Static)
	set.Static = next
	var err error
	if n := testing.AllocsPerRun(10, func() { err = a.Renew(now) }); err != nil || n > 0 {
		t.Errorf("%v allocations, %v", n, err)
	}
}
