package policy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"postern/policy"
)

// routeSettings returns a route without faults, changed by edit.
func routeSettings(t testing.TB, match string, edit func(s *policy.RouteSettings)) policy.RouteSettings {
	t.Helper()
	var s policy.RouteSettings
	s.SetDefaults()
	s.Match = policy.OneOrMore[policy.Pattern]{pattern(t, match)}
	if edit != nil {
		edit(&s)
	}
	return s
}

func pattern(t testing.TB, text string) policy.Pattern {
	t.Helper()
	var p policy.Pattern
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

// compare returns a rule between the customer and a part of the request.
func compare(t testing.TB, request string) policy.RuleSettings {
	t.Helper()
	var s policy.RuleSettings
	s.SetDefaults()
	s.Request = reference(t, request)
	return s
}

func TestCheckRoutes(t *testing.T) {
	type settings = policy.RouteSettings
	duration := func(d time.Duration) *policy.Duration { return (*policy.Duration)(&d) }
	headers := func(pairs ...string) map[string]*policy.Template {
		m := map[string]*policy.Template{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = nil
			if pairs[i+1] != "" {
				m[pairs[i]] = template(t, pairs[i+1])
			}
		}
		return m
	}
	for name, test := range map[string]struct {
		edit   func(s *settings)
		global map[string]*policy.Template
		want   []string
	}{
		"no fault": {nil, headers("X-Customer-Id", "{customer_id}", "X-Request", "{request_id}"), nil},
		"no match": {func(s *settings) { s.Match = nil }, nil, []string{"routes[0]: match is missing"}},
		"report":   {func(s *settings) { s.Mode = "report" }, nil, nil},
		"timeout": {func(s *settings) { s.Timeout = duration(0) }, nil, []string{
			"routes[0].timeout: wants more than 0s: leave it out for no bound",
		}},

		"name": {func(s *settings) { s.Name = strings.Repeat("n", 128) }, nil, nil},
		"name too long": {func(s *settings) { s.Name = strings.Repeat("n", 129) }, nil, []string{
			"routes[0].name: is no name: use up to 128 bytes without control characters",
		}},
		"name on two lines": {func(s *settings) { s.Name = "a\nb" }, nil, []string{
			"routes[0].name: is no name: use up to 128 bytes without control characters",
		}},
		"name of no route": {func(s *settings) { s.Name = "none" }, nil, []string{
			"routes[0].name: none is reserved: it is the label of what has no name",
		}},

		"prefixes": {func(s *settings) { s.StripPrefix, s.AddPrefix = "/v1", "/v2/x" }, nil, nil},
		"prefixes that are none": {func(s *settings) { s.StripPrefix, s.AddPrefix = "/v1/", "v2" }, nil, []string{
			`routes[0].add_prefix: "v2" is no prefix: use a plain path without a slash at its end, such as /v2`,
			`routes[0].strip_prefix: "/v1/" is no prefix: use a plain path without a slash at its end, such as /v2`,
			`routes[0].strip_prefix: the pattern "POST /v1/{project}" does not begin with "/v1/"`,
		}},
		"prefix with a wildcard": {func(s *settings) { s.AddPrefix = "/{x}" }, nil, []string{
			`routes[0].add_prefix: "/{x}" is no prefix: use a plain path without a slash at its end, such as /v2`,
		}},
		"prefix with a method": {func(s *settings) { s.AddPrefix = "GET /x" }, nil, []string{
			`routes[0].add_prefix: "GET /x" is no prefix: use a plain path without a slash at its end, such as /v2`,
		}},
		"prefix with an escape": {func(s *settings) { s.AddPrefix = "/%2e" }, nil, []string{
			`routes[0].add_prefix: "/%2e" is no prefix: use a plain path without a slash at its end, such as /v2`,
		}},
		"prefix with dots": {func(s *settings) { s.AddPrefix = "/.." }, nil, []string{
			`routes[0].add_prefix: "/.." is no prefix: use a plain path without a slash at its end, such as /v2`,
		}},
		"prefix ends in a segment": {func(s *settings) { s.StripPrefix = "/v" }, nil, []string{
			`routes[0].strip_prefix: the pattern "POST /v1/{project}" does not begin with "/v"`,
		}},

		"rule": {func(s *settings) { s.Consistency = []policy.RuleSettings{compare(t, "path.project")} }, nil, nil},
		"rule without request": {func(s *settings) {
			s.Consistency = []policy.RuleSettings{{Op: "equal", Identity: reference(t, "tenant")}}
		}, nil, []string{"routes[0].consistency[0]: request is missing"}},
		"rule the wrong way round": {func(s *settings) {
			s.Consistency = []policy.RuleSettings{{Op: "equal", Identity: reference(t, "query.x"), Request: reference(t, "tenant")}}
		}, nil, []string{
			"routes[0].consistency[0].identity: query.x is no part of an identity",
			"routes[0].consistency[0].request: tenant is no part of a request",
		}},
		"rule on our own id": {func(s *settings) { s.Consistency = []policy.RuleSettings{compare(t, "request_id")} }, nil, []string{
			"routes[0].consistency[0].request: request_id names nobody",
		}},
		"rule for no level": {func(s *settings) {
			s.Consistency = []policy.RuleSettings{compare(t, "host")}
			s.Consistency[0].When = []policy.Level{}
		}, nil, []string{"routes[0].consistency[0].when: an empty list would switch the rule off"}},
		"wildcard of another pattern": {func(s *settings) {
			s.Match = append(s.Match, pattern(t, "/v2/{id}"), pattern(t, "/v3"))
			s.Consistency = []policy.RuleSettings{compare(t, "path.project")}
		}, nil, []string{
			`routes[0].consistency[0].request: the pattern "/v2/{id}" has no wildcard {project}`,
			`routes[0].consistency[0].request: the pattern "/v3" has no wildcard {project}`,
		}},

		"headers": {func(s *settings) { s.IdentityHeaders = headers("X-Customer-Id", "", "X-Level", "{level}") }, headers("X-Customer-Id", "{issuer}"), nil},
		"removed everywhere": {nil, headers("X-A", ""), []string{
			"identity_headers.X-A: null removes a header from one route: there is nothing to remove here",
		}},
		"names with a second reading": {nil, headers("X_A", "a", "X A", "a", "", "a", "X-Ä", "a"), []string{
			`identity_headers.: "": use letters, digits and hyphens only, since backends read other names alike`,
			`identity_headers.X A: "X A": use letters, digits and hyphens only, since backends read other names alike`,
			`identity_headers.X-Ä: "X-Ä": use letters, digits and hyphens only, since backends read other names alike`,
			`identity_headers.X_A: "X_A": use letters, digits and hyphens only, since backends read other names alike`,
		}},
		"names with a meaning": {func(s *settings) {
			s.IdentityHeaders = headers("authorization", "a", "Connection", "a", "X-Forwarded-User", "a", "x-original-url", "a", "Postern-Reason", "a", "X-Request-ID", "a", "Client-Cert", "a")
		}, nil, []string{
			"routes[0].identity_headers.Client-Cert: Client-Cert has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.Connection: Connection has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.Postern-Reason: Postern-Reason has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.X-Forwarded-User: X-Forwarded-User has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.X-Request-ID: X-Request-ID has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.authorization: authorization has a meaning of its own and cannot carry an identity",
			"routes[0].identity_headers.x-original-url: x-original-url has a meaning of its own and cannot carry an identity",
		}},
		"one name in two spellings": {nil, headers("X-Customer", "a", "x-customer", "b"), []string{
			"identity_headers.x-customer: is the same header as X-Customer",
		}},

		"header of what is compared": {func(s *settings) {
			s.Consistency = []policy.RuleSettings{compare(t, "path.project"), compare(t, "header.x-id")}
			s.IdentityHeaders = headers("X-Project", "{path.project} {header.X-Id}")
		}, headers("X-Global", "{path.project}"), nil},
		"header that a client could choose": {func(s *settings) {
			s.IdentityHeaders = headers("X-Project", "{path.project} {query.a}")
		}, headers("X-Global", "{header.X-Id}"), []string{
			"routes[0].identity_headers.X-Project: no required rule of this route compares path.project, so that a client could choose it",
			"routes[0].identity_headers.X-Project: no required rule of this route compares query.a, so that a client could choose it",
			"routes[0]: sends the identity header X-Global, but no required rule of this route compares header.X-Id",
		}},
		"header of what is compared sometimes": {func(s *settings) {
			s.Consistency = []policy.RuleSettings{compare(t, "path.project"), compare(t, "query.a")}
			s.Consistency[0].When = []policy.Level{policy.Customer}
			s.Consistency[1].Required = false
			s.IdentityHeaders = headers("X-Project", "{path.project}")
		}, headers("X-Global", "{query.a}"), []string{
			"routes[0].identity_headers.X-Project: no required rule of this route compares path.project, so that a client could choose it",
			"routes[0]: sends the identity header X-Global, but no required rule of this route compares query.a",
		}},
		"global header that the route does not send": {func(s *settings) {
			s.IdentityHeaders = headers("x-a", "", "x-b", "{level}")
		}, headers("X-A", "{path.project}", "X-B", "{query.a}"), nil},
	} {
		var problems policy.Problems
		policy.CheckRoutes(policy.Path{"routes"}, []settings{routeSettings(t, "POST /v1/{project}", test.edit)}, test.global, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// messages renders problems; those of one setting may come in any order.
func messages(problems policy.Problems) []string {
	var list []string
	for _, p := range problems.List {
		text := p.Path.String() + ": " + p.Message
		if p.Other != nil {
			text += " (" + p.Other.String() + ")"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

func TestCheckRoutesNames(t *testing.T) {
	named := func(name string) func(*policy.RouteSettings) { return func(s *policy.RouteSettings) { s.Name = name } }
	var problems policy.Problems
	policy.CheckRoutes(policy.Path{"routes"}, []policy.RouteSettings{
		routeSettings(t, "/a", nil), routeSettings(t, "/b", named("b")), routeSettings(t, "/c", named("b")), routeSettings(t, "/d", named("/a")),
	}, nil, &problems)
	want := []string{`routes[2].name: the name "b" is taken (routes[1])`, `routes[3].name: the name "/a" is taken (routes[0])`}
	if diff := cmp.Diff(want, messages(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestNewRoutes(t *testing.T) {
	global := map[string]*policy.Template{"X-Customer-Id": template(t, "{customer_id}"), "X-Level": template(t, "{level}")}
	timeout, forward := policy.Duration(time.Second), true
	rule := compare(t, "path.id")
	rule.When = []policy.Level{policy.Customer}
	routes := policy.NewRoutes([]policy.RouteSettings{
		routeSettings(t, "GET /a", nil),
		routeSettings(t, "/b/{id}", func(s *policy.RouteSettings) {
			s.Name, s.Upstream = "second", "chat"
			s.Match = append(s.Match, pattern(t, "/c/{id}"))
			s.Authenticate = []policy.OneOrMore[string]{{"web"}, {"anonymous"}}
			s.Consistency = []policy.RuleSettings{rule}
			s.IdentityHeaders = map[string]*policy.Template{"x-level": nil, "x-customer-id": template(t, "id {customer_id}"), "X-Own": template(t, "own")}
			s.LoosePaths, s.AllowEncodedSlash, s.PreserveHost = true, true, false
			s.StripPrefix, s.AddPrefix, s.Timeout, s.ForwardCredential = "/b", "/d", &timeout, &forward
		}),
	}, policy.Common{IdentityHeaders: global, Strip: policy.Strip{Headers: []string{"x-debug"}}})

	patterns := []policy.Pattern{pattern(t, "GET /a"), pattern(t, "/b/{id}"), pattern(t, "/c/{id}")}
	strip := policy.Strip{Headers: []string{"X-Debug"}}
	want := []*policy.Route{
		{Index: 0, Name: "GET /a", Patterns: []*policy.Pattern{&patterns[0]}, PreserveHost: true, BodyLimit: 1 << 20, Strip: strip},
		{
			Index: 1, Name: "second", Patterns: []*policy.Pattern{&patterns[1], &patterns[2]}, Upstream: "chat",
			Alternatives: [][]string{{"web"}, {"anonymous"}}, BodyLimit: 1 << 20, Strip: strip,
			Rules: []policy.Rule{
				{Identity: reference(t, "customer_id"), Request: reference(t, "path.id"), Required: true, When: []policy.Level{policy.Customer}},
			},
			LoosePaths: true, EncodedSlash: true, StripPrefix: "/b", AddPrefix: "/d", Timeout: time.Second, ForwardCredential: &forward,
		},
	}
	sent := []http.Header{
		{"X-Customer-Id": {"ann"}, "X-Level": {"customer"}},
		{"X-Customer-Id": {"id ann"}, "X-Own": {"own"}},
	}
	for i, r := range routes {
		got := http.Header{}
		for _, h := range r.Headers.RenderFixed(&policy.Identity{Level: policy.Customer, Customer: "ann"}) {
			got[h.Name] = h.Values
		}
		if diff := cmp.Diff(sent[i], got); diff != "" {
			t.Errorf("headers of route %d: %s", i, diff)
		}
		r.Headers = nil
	}
	text := cmp.Transformer("text", func(p policy.Pattern) string { return p.String() })
	reference := cmp.Transformer("text", func(r policy.Reference) string { return r.String() })
	if diff := cmp.Diff(want, routes, text, reference, cmp.AllowUnexported(policy.Requirement{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
