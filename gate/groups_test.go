package gate_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// issuing is what tells JWT authenticators on one carrier apart: the issuer that
// one accepts, "" for any, and the id of its secret.
type issuing struct{ issuer, key, customer string }

// secretOf is what the key of an id signs with.
func secretOf(key string) string { return key + ": a shared secret that is long enough for HS256" }

func (i issuing) authenticator(t testing.TB, name string, from ...authn.FromSettings) authn.Authenticator {
	t.Helper()
	s := new(authn.JWTSettings)
	s.SetDefaults()
	s.From, s.Algorithms, s.ForbiddenClaims = from, []string{"HS256"}, nil
	if i.issuer != "" {
		s.Issuer = []string{i.issuer}
	}
	if i.customer != "" {
		s.CustomerID = reference(t, i.customer)
	}
	s.Keys.Secrets = []keys.SecretSettings{{ID: i.key, Value: keys.Value{Literal: policy.Secret(secretOf(i.key))}, Attributes: map[string]string{"key": i.key}}}
	var problems policy.Problems
	set := s.Keys.Load(nil, keys.Loader{}, false, &problems)
	mustNot(t, problems)
	return authn.NewJWT(name, s, set, authn.NewCache(authn.CacheSettings{Entries: 100, Bytes: 1 << 20, Max: policy.Duration(time.Hour)}, silent{}), 16<<10)
}

// issue signs claims with the key of an id, and names kid, "" for none.
func issue(t testing.TB, key, kid string, claims jwt.MapClaims) string {
	t.Helper()
	if _, set := claims["exp"]; !set {
		claims["exp"] = now.Unix() + 300
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	if kid != "" {
		unsigned.Header["kid"] = kid
	}
	text, err := unsigned.SignedString([]byte(secretOf(key)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// groupRoute makes a route by its alternatives; one of more than one name is a
// group.
func groupRoute(t testing.TB, match string, alternatives ...[]string) policy.RouteSettings {
	t.Helper()
	s := route(t, match, nil)
	for _, names := range alternatives {
		s.Authenticate = append(s.Authenticate, names)
	}
	return s
}

func TestGroups(t *testing.T) {
	by := map[string]authn.Authenticator{
		"app":    static(t, "app", map[string]string{"project": "acme"}, inHeader("X-App", "")),
		"device": static(t, "device", map[string]string{"device": "d1"}, inHeader("X-Device", "")),
		"clash":  static(t, "clash", map[string]string{"project": "acme"}, inHeader("X-Clash", "")),
		"user":   issuing{key: "u", customer: "claims.sub"}.authenticator(t, "user", inHeader("Authorization", "Bearer")),
		"agent":  issuing{key: "a", customer: "claims.sub"}.authenticator(t, "agent", inHeader("X-Agent", "")),
	}
	g := compile(t, []policy.RouteSettings{
		groupRoute(t, "/both", []string{"app", "user"}),
		groupRoute(t, "/reverse", []string{"user", "app"}),
		groupRoute(t, "/three", []string{"app", "user", "device"}),
		groupRoute(t, "/apps", []string{"app", "device"}),
		groupRoute(t, "/clash", []string{"app", "clash"}),
		groupRoute(t, "/two", []string{"user", "agent"}),
		groupRoute(t, "/either", []string{"app", "user"}, []string{"device"}, []string{"anonymous"}),
		groupRoute(t, "/shared", []string{"app", "user"}, []string{"app", "device"}),
	}, map[string]string{"X-Customer-Id": "{customer_id}"}, by)
	const (
		app, device, clash = "X-App: app-secret", "X-Device: device-secret", "X-Clash: clash-secret"
		incomplete, twice  = policy.MissingCredential, policy.MalformedRequest
	)
	var (
		user  = "Authorization: Bearer " + issue(t, "u", "", jwt.MapClaims{"sub": "ann"})
		late  = "Authorization: Bearer " + issue(t, "u", "", jwt.MapClaims{"sub": "ann", "exp": now.Unix() - 300})
		agent = "X-Agent: " + issue(t, "a", "", jwt.MapClaims{"sub": "ann"})
	)
	ann := func(route, group string) verdict {
		return verdict{Route: route, Authenticator: group, Level: policy.Customer, Customer: "ann"}
	}
	apps := func(route, group string) verdict {
		return verdict{Route: route, Authenticator: group, Level: policy.Application}
	}
	for _, test := range []struct {
		route  string
		header []string
		want   verdict
	}{
		{"/both", []string{app, user}, ann("/both", "app+user")},
		{"/reverse", []string{app, user}, ann("/reverse", "user+app")},
		{"/three", []string{device, app, user}, ann("/three", "app+user+device")},
		{"/apps", []string{device, app}, apps("/apps", "app+device")},
		{"/either", []string{app, user}, ann("/either", "app+user")},
		{"/either", []string{device}, apps("/either", "device")},
		{"/either", nil, verdict{Route: "/either", Authenticator: "anonymous"}},
		{"/shared", []string{app, user}, ann("/shared", "app+user")},
	} {
		if diff := cmp.Diff(test.want, verdictOf(decide(t, g, "GET "+test.route, test.header...))); diff != "" {
			t.Errorf("%s %.40q: %s", test.route, test.header, diff)
		}
	}
	for _, test := range []struct {
		route, group string
		header       []string
		want         policy.Reason
	}{
		{"/both", "", nil, incomplete},
		{"/both", "app+user", []string{app}, incomplete},
		{"/both", "app+user", []string{user}, incomplete},
		{"/three", "app+user+device", []string{app, user}, incomplete},
		{"/both", "app+user", []string{app, late}, policy.TokenExpired},
		{"/both", "app+user", []string{"X-App: wrong", user}, policy.UnknownToken},
		{"/both", "app+user", []string{"X-App:", user}, policy.MalformedCredential},
		{"/either", "app+user", []string{app}, incomplete},
		{"/either", "app+user", []string{app, user, device}, twice},
		{"/either", "app+user", []string{app, device}, twice},
		{"/either", "app+user", []string{user, device}, twice},
		// The first alternative of which anything is carried decides.
		{"/shared", "app+user", []string{app, device}, twice},
		{"/shared", "app+user", []string{app}, incomplete},
		{"/clash", "app+clash", []string{app, clash}, policy.IdentityMismatch},
		{"/two", "user+agent", []string{user, agent}, policy.IdentityMismatch},
	} {
		got := verdictOf(decide(t, g, "GET "+test.route, test.header...))
		if got.Reason != test.want || got.Authenticator != test.group {
			t.Errorf("%s %.40q: %v by %q, want %v by %q", test.route, test.header, got.Reason, got.Authenticator, test.want, test.group)
		}
	}
}

// TestRivals is about authenticators that read one carrier.
func TestRivals(t *testing.T) {
	bearer := inHeader("Authorization", "Bearer")
	query := authn.FromSettings{Query: "token"}
	by := map[string]authn.Authenticator{
		"one":    issuing{"https://one", "k1", "claims.sub"}.authenticator(t, "one", bearer),
		"two":    issuing{"https://two", "k2", "claims.sub"}.authenticator(t, "two", bearer),
		"any":    issuing{"", "k3", "claims.sub"}.authenticator(t, "any", bearer),
		"other":  issuing{"", "k4", "claims.sub"}.authenticator(t, "other", bearer),
		"opaque": static(t, "opaque", nil, bearer),
		// Of these, the second reads only one of the first one's carriers.
		"wide":   issuing{"https://one", "k1", "claims.sub"}.authenticator(t, "wide", inHeader("X-Token", ""), query),
		"narrow": issuing{"https://two", "k2", "claims.sub"}.authenticator(t, "narrow", query),
	}
	g := compile(t, []policy.RouteSettings{
		route(t, "/issuers", []string{"one", "two"}),
		route(t, "/fallback", []string{"any", "one"}),
		route(t, "/keys", []string{"any", "other"}),
		route(t, "/opaque", []string{"one", "opaque"}),
		route(t, "/visitors", []string{"one", "two", "anonymous"}),
		route(t, "/places", []string{"wide", "narrow", "anonymous"}),
	}, identityHeaders, by)
	ofIssuer := func(key, kid, issuer string) string {
		return issue(t, key, kid, jwt.MapClaims{"iss": issuer, "sub": "ann"})
	}
	one, two := ofIssuer("k1", "", "https://one"), ofIssuer("k2", "k2", "https://two")
	nobody := issue(t, "k3", "", jwt.MapClaims{"sub": "ann"})
	for _, test := range []struct {
		route, credential string
		by                string
		want              policy.Reason
	}{
		{"/issuers", one, "one", policy.ReasonNone},
		{"/issuers", two, "two", policy.ReasonNone},
		{"/issuers", ofIssuer("k1", "", "https://two"), "two", policy.BadSignature},
		{"/issuers", ofIssuer("k2", "k2", "https://one"), "one", policy.BadSignature},
		{"/issuers", ofIssuer("k1", "k1", "https://three"), "one", policy.WrongIssuer}, // it holds the key
		{"/issuers", ofIssuer("k1", "", "https://three"), "one", policy.WrongIssuer},
		{"/issuers", ofIssuer("k1", "", "https://one/"), "one", policy.WrongIssuer},
		{"/issuers", ofIssuer("k1", "", ""), "one", policy.WrongIssuer},
		{"/issuers", nobody, "one", policy.WrongIssuer},
		{"/issuers", issue(t, "k1", "", jwt.MapClaims{"iss": []string{"https://one"}, "sub": "ann"}), "one", policy.WrongIssuer},
		{"/issuers", "opaque", "one", policy.MalformedCredential},
		{"/issuers", one + ".x", "one", policy.MalformedCredential},

		{"/fallback", one, "one", policy.ReasonNone},
		{"/fallback", nobody, "any", policy.ReasonNone},
		{"/fallback", ofIssuer("k3", "", "https://three"), "any", policy.ReasonNone},
		{"/fallback", ofIssuer("k1", "", "https://three"), "any", policy.BadSignature},

		{"/keys", issue(t, "k3", "k3", jwt.MapClaims{"sub": "ann"}), "any", policy.ReasonNone},
		{"/keys", issue(t, "k4", "k4", jwt.MapClaims{"sub": "ann"}), "other", policy.ReasonNone},
		{"/keys", issue(t, "k4", "k3", jwt.MapClaims{"sub": "ann"}), "any", policy.BadSignature},
		{"/keys", issue(t, "k4", "", jwt.MapClaims{"sub": "ann"}), "any", policy.WrongIssuer},

		{"/opaque", one, "one", policy.ReasonNone},
		{"/opaque", "opaque-secret", "opaque", policy.ReasonNone},
		{"/opaque", "a.b.c", "opaque", policy.UnknownToken},
		{"/opaque", two, "one", policy.WrongIssuer},

		{"/visitors", one, "one", policy.ReasonNone},
		{"/visitors", two, "two", policy.ReasonNone},
		{"/visitors", nobody, "one", policy.WrongIssuer},
		{"/visitors", "", "one", policy.MalformedCredential},
	} {
		got := verdictOf(decide(t, g, "GET "+test.route, "Authorization: Bearer "+test.credential))
		if got.Reason != test.want || got.Authenticator != test.by {
			t.Errorf("%s %.20q: %v by %q, want %v by %q", test.route, test.credential, got.Reason, got.Authenticator, test.want, test.by)
		}
	}
	for _, test := range []struct {
		target, header string
		by             string
		want           policy.Reason
	}{
		{"/places?token=" + one, "", "wide", policy.ReasonNone},
		{"/places?token=" + two, "", "narrow", policy.ReasonNone},
		{"/places", "X-Token: " + one, "wide", policy.ReasonNone},
		// Nobody else reads that header: the token is not for another, and the
		// request not anonymous.
		{"/places", "X-Token: " + two, "wide", policy.WrongIssuer},
		{"/places?token=" + two, "X-Token: " + one, "wide", policy.MalformedRequest},
		{"/places?token=" + two, "X-Token: " + two, "wide", policy.MalformedRequest},
		{"/places?token=" + nobody, "", "wide", policy.WrongIssuer},
		{"/places?token", "", "wide", policy.MalformedCredential},
		{"/places", "Accept: */*", "anonymous", policy.ReasonNone},
	} {
		header := test.header
		if header == "" {
			header = "Accept: */*"
		}
		got := verdictOf(decide(t, g, "GET "+test.target, header))
		if got.Reason != test.want || got.Authenticator != test.by {
			t.Errorf("%.20s %.20q: %v by %q, want %v by %q", test.target, test.header, got.Reason, got.Authenticator, test.want, test.by)
		}
	}
}

// A group ends with the first of its credentials.
func TestGroupStanding(t *testing.T) {
	end := now.Add(10 * time.Minute)
	by := map[string]authn.Authenticator{
		"app":  static(t, "app", nil, inHeader("X-App", "")),
		"user": issuing{key: "u", customer: "claims.sub"}.authenticator(t, "user", inHeader("Authorization", "Bearer")),
	}
	g := compile(t, []policy.RouteSettings{groupRoute(t, "/", []string{"app", "user"})}, identityHeaders, by)
	d := new(gate.Decision)
	g.Decide(t.Context(), request(t, "GET /", "X-App: app-secret", "Authorization: Bearer "+issue(t, "u", "", jwt.MapClaims{"sub": "ann", "exp": end.Unix()})), d)
	if d.Denial != nil || !d.Verified.ExpiresAt.Equal(end) {
		t.Fatalf("%v, expires at %v, want %v", d.Denial, d.Verified, end)
	}
	if err := d.Verified.Standing(end.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	if err := d.Verified.Standing(end.Add(time.Hour)); policy.ReasonOf(err) != policy.TokenExpired {
		t.Error(err)
	}
}
