package gate_test

import (
	"bufio"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

const (
	projectToken = "static-token-of-project-acme"
	apiKey       = "static-api-key-of-project-acme"
	jwtSecret    = "a shared secret that is long enough to sign with HS256"
)

// now is the moment of every decision in tests.
var now = time.Unix(1_000_000, 0)

// silent observes nothing.
type silent struct{}

func (silent) CacheHit()        {}
func (silent) CacheMiss()       {}
func (silent) CacheEvicted(int) {}
func (silent) CacheEntries(int) {}

// authenticators are those of every policy in tests:
//
//	project   Authorization: Token, an application with an attribute
//	key       X-Api-Key, bare, the same
//	two       X-First or X-Second, bare
//	customer  Authorization: Bearer, a JWT with the customer in sub
//	widget    Authorization: JWT, one with an optional customer in id, forwarded
func authenticators(t testing.TB) map[string]authn.Authenticator {
	t.Helper()
	word := func(s string) *string { return &s }
	static := func(name, value string, c authn.CarrierSettings) authn.Authenticator {
		var problems policy.Problems
		a := authn.NewToken(name, &authn.TokenSettings{CarrierSettings: c, Tokens: []authn.StaticTokenSettings{{
			ID: name + "-1", Value: keys.Value{Literal: policy.Secret(value)}, Attributes: map[string]string{"project": "acme"},
		}}}, keys.Loader{}, nil, &problems)
		mustNot(t, problems)
		return a
	}
	cache := authn.NewCache(authn.CacheSettings{Entries: 1000, Bytes: 1 << 20, Max: policy.Duration(time.Hour)}, silent{})
	signed := func(name, customer string, optional bool, c authn.CarrierSettings) authn.Authenticator {
		s := new(authn.JWTSettings)
		s.SetDefaults()
		s.CarrierSettings, s.Algorithms = c, []string{"HS256"}
		s.Keys.Secrets = []keys.SecretSettings{{ID: "k1", Value: keys.Value{Literal: jwtSecret}}}
		s.CustomerID, s.CustomerIDOptional = reference(t, customer), optional
		var problems policy.Problems
		s.Check(nil, &problems)
		set := s.Keys.Load(nil, keys.Loader{}, false, &problems)
		mustNot(t, problems)
		return authn.NewJWT(name, s, set, cache, 16<<10)
	}
	return map[string]authn.Authenticator{
		"project":  static("project", projectToken, authn.CarrierSettings{Scheme: word("Token")}),
		"key":      static("key", apiKey, authn.CarrierSettings{Header: "X-Api-Key"}),
		"two":      static("two", apiKey, authn.CarrierSettings{From: []authn.FromSettings{{Header: "X-First"}, {Header: "X-Second"}}}),
		"customer": signed("customer", "claims.sub", false, authn.CarrierSettings{}),
		"widget":   signed("widget", "claims.id", true, authn.CarrierSettings{Scheme: word("JWT"), Forward: true}),
	}
}

func mustNot(t testing.TB, problems policy.Problems) {
	t.Helper()
	for _, p := range problems.List {
		t.Fatalf("a policy at fault: %s: %s", p.Path, p.Message)
	}
}

// token signs claims that end in five minutes.
func token(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	claims = maps.Clone(claims)
	if _, set := claims["exp"]; !set {
		claims["exp"] = now.Unix() + 300
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(jwtSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bearer is the line of a header with a customer's token.
func bearer(t testing.TB, customer string) string {
	return "Authorization: Bearer " + token(t, jwt.MapClaims{"sub": customer})
}

func reference(t testing.TB, text string) policy.Reference {
	t.Helper()
	ref, err := policy.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func templates(t testing.TB, texts map[string]string) map[string]*policy.Template {
	t.Helper()
	parsed := map[string]*policy.Template{}
	for name, text := range texts {
		template, err := policy.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed[name] = template
	}
	return parsed
}

// identityHeaders are those of every route in tests.
var identityHeaders = map[string]string{"X-Customer-Id": "{customer_id}", "X-Auth-Level": "{level}"}

// rule is a consistency rule, as configurations write it.
type rule struct {
	identity, request string
	optional          bool
	when              []policy.Level
}

// route makes the settings of a route; its name is the pattern.
func route(t testing.TB, match string, authenticate []string, rules ...rule) policy.RouteSettings {
	t.Helper()
	var s policy.RouteSettings
	s.SetDefaults()
	p, err := policy.ParsePattern(match)
	if err != nil {
		t.Fatal(err)
	}
	s.Match = policy.OneOrMore[policy.Pattern]{*p}
	for _, name := range authenticate {
		s.Authenticate = append(s.Authenticate, policy.OneOrMore[string]{name})
	}
	for _, r := range rules {
		var compiled policy.RuleSettings
		compiled.SetDefaults()
		if r.identity != "" {
			compiled.Identity = reference(t, r.identity)
		}
		compiled.Request, compiled.Required, compiled.When = reference(t, r.request), !r.optional, r.when
		s.Consistency = append(s.Consistency, compiled)
	}
	return s
}

func newGate(t testing.TB, settings ...policy.RouteSettings) *gate.Gate {
	t.Helper()
	return compile(t, settings, identityHeaders, authenticators(t))
}

func compile(t testing.TB, settings []policy.RouteSettings, headers map[string]string, by map[string]authn.Authenticator) *gate.Gate {
	t.Helper()
	global := templates(t, headers)
	var problems policy.Problems
	policy.CheckRoutes(policy.Path{"routes"}, settings, global, &problems)
	mustNot(t, problems)
	names := slices.Collect(maps.Keys(global))
	for _, s := range settings {
		names = slices.AppendSeq(names, maps.Keys(s.IdentityHeaders))
	}
	routes := policy.NewRoutes(settings, policy.Common{IdentityHeaders: global})
	matcher, conflicts := policy.NewMatcher(routes)
	if conflicts != nil {
		t.Fatal(conflicts)
	}
	return gate.New(gate.Settings{Routes: routes, Matcher: matcher, Authenticators: by, TokenBytes: 16 << 10, IdentityHeaders: names})
}

// request reads a request as net/http does: a method and target, and the lines
// of its header. The host is example.com unless a line names another.
func request(t testing.TB, line string, header ...string) *gate.Request {
	t.Helper()
	text := line + " HTTP/1.1\r\n" + strings.Join(header, "\r\n")
	if !slices.ContainsFunc(header, func(h string) bool { return strings.HasPrefix(h, "Host:") }) {
		text = line + " HTTP/1.1\r\nHost: example.com\r\n" + strings.Join(header, "\r\n")
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSuffix(text, "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("%s %q: %v", line, header, err)
	}
	return &gate.Request{Method: r.Method, Host: r.Host, Target: r.RequestURI, URL: r.URL, Header: r.Header, Time: now, ID: "request-1"}
}

func decide(t testing.TB, g *gate.Gate, line string, header ...string) *gate.Decision {
	t.Helper()
	d := new(gate.Decision)
	g.Decide(t.Context(), request(t, line, header...), d)
	return d
}

// verdict is a decision in a form that can be compared.
type verdict struct {
	Reason        policy.Reason
	Route         string
	Authenticator string
	Level         policy.Level
	Customer      any
}

func verdictOf(d *gate.Decision) verdict {
	v := verdict{Authenticator: d.Authenticator}
	if d.Denial != nil {
		v.Reason = d.Denial.Reason
	}
	if d.Route != nil {
		v.Route = d.Route.Name
	}
	if d.Verified != nil {
		v.Level, v.Customer = d.Verified.Level, d.Verified.Customer
	}
	return v
}

// deny is the verdict of a refusal after the route was found, where no
// credential was verified.
func deny(reason policy.Reason, route, authenticator string) verdict {
	return verdict{Reason: reason, Route: route, Authenticator: authenticator}
}
