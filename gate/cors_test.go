package gate_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/gate"
	"postern/policy"
)

const (
	shop = "Origin: https://shop.example.com"
	evil = "Origin: https://evil.example"
)

func corsSettings() *policy.CORSSettings {
	var s policy.CORSSettings
	s.SetDefaults()
	s.Origins = policy.OneOrMore[string]{"https://shop.example.com"}
	return &s
}

// newGateFor compiles routes under a global policy for other origins and with
// formats of denials.
func newGateFor(t testing.TB, global *policy.CORSSettings, formats map[string]*policy.DenialFormat, settings ...policy.RouteSettings) *gate.Gate {
	t.Helper()
	var problems policy.Problems
	policy.CheckRoutes(policy.Path{"routes"}, settings, nil, &problems)
	mustNot(t, problems)
	common := policy.Common{Denials: formats, CORS: policy.NewCORS(global)}
	routes := policy.NewRoutes(settings, common)
	matcher, conflicts := policy.NewMatcher(routes)
	if conflicts != nil {
		t.Fatal(conflicts)
	}
	return gate.New(gate.Settings{
		Routes: routes, Matcher: matcher, Authenticators: authenticators(t), Denials: formats[policy.DefaultDenials], CORS: common.CORS,
	})
}

// asks is a preflight for a method, as browsers send it.
func asks(method string, origin ...string) []string {
	return append(origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: authorization")
}

func TestPreflights(t *testing.T) {
	at := func(match string, edit func(*policy.RouteSettings)) policy.RouteSettings {
		s := route(t, match, []string{"customer"})
		if edit != nil {
			edit(&s)
		}
		return s
	}
	own := func(s *policy.RouteSettings) { s.CORS = corsSettings() }
	patches := func(s *policy.RouteSettings) {
		s.CORS = corsSettings()
		s.CORS.Methods = policy.OneOrMore[string]{"PATCH"}
	}
	reports := func(s *policy.RouteSettings) { s.CORS, s.Mode = corsSettings(), "report" }

	type outcome struct {
		Preflight bool
		Route     string
		Reason    policy.Reason // of a denial
		Granted   bool          // where none
	}
	answered := func(route string) outcome { return outcome{Preflight: true, Route: route, Granted: true} }
	refused := func(reason policy.Reason, route string) outcome {
		return outcome{Preflight: true, Route: route, Reason: reason}
	}
	// An OPTIONS like any other needs a route and a credential.
	ordinary := func(reason policy.Reason, route string) outcome { return outcome{Route: route, Reason: reason} }

	for name, test := range map[string]struct {
		global *policy.CORSSettings
		routes []policy.RouteSettings
		line   string
		header []string
		want   outcome
	}{
		"global": {corsSettings(), []policy.RouteSettings{at("POST /a", nil)},
			"OPTIONS /a", asks("POST", shop), answered("POST /a")},
		"HEAD is served by GET": {corsSettings(), []policy.RouteSettings{at("GET /a", nil)},
			"OPTIONS /a", asks("HEAD", shop), answered("GET /a")},
		"own": {nil, []policy.RouteSettings{at("POST /a", own)},
			"OPTIONS /a", asks("POST", shop), answered("POST /a")},
		"own replaces global": {corsSettings(), []policy.RouteSettings{at("/a", patches)},
			"OPTIONS /a", asks("POST", shop), refused(policy.OriginNotAllowed, "/a")},
		"route of the requested method": {nil, []policy.RouteSettings{at("POST /a", own), at("PATCH /a", patches)},
			"OPTIONS /a", asks("PATCH", shop), answered("PATCH /a")},
		"most specific path": {corsSettings(), []policy.RouteSettings{at("/a/", nil), at("GET /a/b", nil)},
			"OPTIONS /a/b", asks("POST", shop), ordinary(policy.MethodNotAllowed, "")},
		"unknown path": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /b", asks("POST", shop), ordinary(policy.NoRoute, "")},
		"unknown origin": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", asks("POST", evil), refused(policy.OriginNotAllowed, "/a")},
		"unknown header": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", []string{shop, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-other"}, refused(policy.OriginNotAllowed, "/a")},
		"only reported": {nil, []policy.RouteSettings{at("/a", reports)},
			"OPTIONS /a", asks("POST", evil), outcome{Preflight: true, Route: "/a"}},
		"bad credential": {corsSettings(), []policy.RouteSettings{at("POST /a", nil)},
			"OPTIONS /a", append(asks("POST", shop), "Authorization: Bearer a"), answered("POST /a")},

		"hygiene of the path": {corsSettings(), []policy.RouteSettings{at("/", nil)},
			"OPTIONS /a/%2e%2e/b", asks("POST", shop), ordinary(policy.AmbiguousPath, "")},
		"hygiene of an encoded slash": {corsSettings(), []policy.RouteSettings{at("/", nil)},
			"OPTIONS /a%2Fb", asks("POST", shop), refused(policy.AmbiguousPath, "/")},
		"hygiene of the query": {corsSettings(), []policy.RouteSettings{at("/", nil)},
			"OPTIONS /?a=%zz", asks("POST", shop), ordinary(policy.MalformedRequest, "")},
		"hygiene of the header": {corsSettings(), []policy.RouteSettings{at("/", nil)},
			"OPTIONS /", append(asks("POST", shop), "Connection: origin"), ordinary(policy.MalformedRequest, "")},
		"near miss of a path": {corsSettings(), []policy.RouteSettings{at("/", nil), at("POST /a", nil)},
			"OPTIONS /A", asks("POST", shop), ordinary(policy.AmbiguousPath, "")},

		"no page": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", asks("POST"), ordinary(policy.MissingCredential, "/a")},
		"no question": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", []string{shop}, ordinary(policy.MissingCredential, "/a")},
		"two pages": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", append(asks("POST", shop), shop), ordinary(policy.MissingCredential, "/a")},
		"two questions": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"OPTIONS /a", append(asks("POST", shop), "Access-Control-Request-Method: POST"), ordinary(policy.MissingCredential, "/a")},
		"another method": {corsSettings(), []policy.RouteSettings{at("/a", nil)},
			"POST /a", asks("POST", shop), ordinary(policy.MissingCredential, "/a")},

		"no policy": {nil, []policy.RouteSettings{at("POST /a", nil)},
			"OPTIONS /a", asks("POST", shop), ordinary(policy.MethodNotAllowed, "")},
		"no policy but a route": {nil, []policy.RouteSettings{at("POST /a", nil), at("OPTIONS /a", nil)},
			"OPTIONS /a", asks("POST", shop), ordinary(policy.MissingCredential, "OPTIONS /a")},
		"policy of another method": {nil, []policy.RouteSettings{at("POST /a", own), at("PATCH /a", nil)},
			"OPTIONS /a", asks("PATCH", shop), ordinary(policy.MethodNotAllowed, "")},
		// The backend must not see it even where OPTIONS has a route.
		"route for OPTIONS under a policy": {corsSettings(), []policy.RouteSettings{at("POST /a", nil), at("OPTIONS /a", nil)},
			"OPTIONS /a", asks("PUT", shop), refused(policy.MethodNotAllowed, "")},
		"policy of OPTIONS alone": {nil, []policy.RouteSettings{at("PUT /a", nil), at("/a", own)},
			"OPTIONS /a", asks("PUT", shop), refused(policy.OriginNotAllowed, "PUT /a")},
	} {
		d := decide(t, newGateFor(t, test.global, nil, test.routes...), test.line, test.header...)
		got := outcome{Preflight: d.Preflight}
		if d.Route != nil {
			got.Route = d.Route.Name
		}
		switch {
		case d.Denial != nil:
			got.Reason = d.Denial.Reason
		case d.Preflight:
			answer := d.AnswerPreflight()
			got.Granted = answer.Header.Get("Access-Control-Allow-Origin") != ""
			if answer.Status != http.StatusNoContent || len(answer.Body) != 0 {
				t.Errorf("%s: %d %q", name, answer.Status, answer.Body)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDenialsAcrossOrigins: a page can read why it was refused, if it may read
// anything.
func TestDenialsAcrossOrigins(t *testing.T) {
	elsewhere := route(t, "/own", []string{"customer"})
	elsewhere.CORS = corsSettings()
	elsewhere.CORS.Origins = policy.OneOrMore[string]{"https://evil.example"}
	g := newGateFor(t, corsSettings(), nil, route(t, "GET /a", []string{"customer"}), elsewhere)
	for _, test := range []struct {
		line, origin string
		allowed      bool
	}{
		{"GET /a", shop, true},       // missing_credential
		{"GET /nowhere", shop, true}, // no_route
		{"PUT /a", shop, true},       // method_not_allowed
		{"GET /a//b", shop, true},    // ambiguous_path
		{"GET /a", evil, false},
		{"GET /nowhere", evil, false},
		{"GET /own", shop, false},
		{"GET /own", evil, true},
	} {
		d := decide(t, g, test.line, test.origin)
		want := ""
		if test.allowed {
			want = test.origin[len("Origin: "):]
		}
		h := d.Answer("1").Header
		if d.Denial == nil || h.Get("Access-Control-Allow-Origin") != want || h.Get("Vary") != "Origin" {
			t.Errorf("%s %s: denied for %v, %v", test.line, test.origin, d.Denial, h)
		}
	}
	var early gate.Decision
	g.Begin(request(t, "GET /a", shop), &early)
	if got := early.Render(&policy.Denial{Reason: policy.ShuttingDown}, "1").Header.Get("Access-Control-Allow-Origin"); got != "https://shop.example.com" {
		t.Errorf("before a decision: %q", got)
	}
}
