package gate_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/policy"
)

func TestAlternatives(t *testing.T) {
	g := newGate(t,
		route(t, "/app", []string{"project"}),
		route(t, "/either", []string{"customer", "project"}),
		route(t, "/keys", []string{"key", "customer"}),
		route(t, "/two", []string{"two"}),
		route(t, "/visitors", []string{"widget", "key", "anonymous"}),
		route(t, "/visitors-first", []string{"anonymous", "widget"}),
		route(t, "/public", []string{"anonymous"}),
	)
	var (
		app     = "Authorization: Token " + projectToken
		ann     = bearer(t, "ann")
		widget  = "Authorization: JWT " + token(t, jwt.MapClaims{"id": "ann"})
		nobody  = "Authorization: JWT " + token(t, jwt.MapClaims{"name": "somebody"})
		expired = "Authorization: JWT " + token(t, jwt.MapClaims{"id": "ann", "exp": now.Unix() - 60})
		key     = "X-Api-Key: " + apiKey
	)
	allow := func(route, authenticator string, level policy.Level, customer any) verdict {
		return verdict{Route: route, Authenticator: authenticator, Level: level, Customer: customer}
	}
	anonymous := func(route string) verdict { return allow(route, "anonymous", policy.Anonymous, nil) }
	for _, test := range []struct {
		route  string
		header []string
		want   verdict
	}{
		{"/app", []string{app}, allow("/app", "project", policy.Application, nil)},
		{"/app", []string{"Authorization: tOKEN " + projectToken}, allow("/app", "project", policy.Application, nil)},
		{"/app", nil, deny(policy.MissingCredential, "/app", "")},
		{"/app", []string{ann}, deny(policy.MissingCredential, "/app", "")}, // a foreign scheme
		{"/app", []string{key}, deny(policy.MissingCredential, "/app", "")}, // an authenticator of other routes
		{"/app", []string{app, key}, allow("/app", "project", policy.Application, nil)},
		{"/app", []string{"Authorization: Token wrong"}, deny(policy.UnknownToken, "/app", "project")},
		{"/app", []string{"Authorization: Token"}, deny(policy.MalformedCredential, "/app", "project")},
		{"/app", []string{"Authorization: Token  " + projectToken}, deny(policy.MalformedCredential, "/app", "project")},
		{"/app", []string{"Authorization:"}, deny(policy.MalformedCredential, "/app", "")},

		{"/either", []string{ann}, allow("/either", "customer", policy.Customer, "ann")},
		{"/either", []string{app}, allow("/either", "project", policy.Application, nil)},
		{"/either", []string{widget}, deny(policy.MissingCredential, "/either", "")},
		// Of two credentials neither is chosen, whether or not they are good.
		{"/keys", []string{key, ann}, deny(policy.MalformedRequest, "/keys", "key")},
		{"/keys", []string{"X-Api-Key: wrong", ann}, deny(policy.MalformedRequest, "/keys", "key")},
		{"/keys", []string{key, "Authorization: Bearer"}, deny(policy.MalformedRequest, "/keys", "key")},
		{"/keys", []string{key, app}, allow("/keys", "key", policy.Application, nil)},
		{"/keys", []string{key, key}, deny(policy.MalformedRequest, "/keys", "key")},
		// An empty credential is carried: the next alternative is not tried.
		{"/keys", []string{"X-Api-Key:"}, deny(policy.MalformedCredential, "/keys", "key")},
		{"/keys", []string{"X-Api-Key: wrong"}, deny(policy.UnknownToken, "/keys", "key")},

		{"/two", []string{"X-First: " + apiKey}, allow("/two", "two", policy.Application, nil)},
		{"/two", []string{"X-Second: " + apiKey}, allow("/two", "two", policy.Application, nil)},
		{"/two", []string{"X-First: " + apiKey, "X-Second: " + apiKey}, deny(policy.MalformedRequest, "/two", "two")},
		{"/two", []string{"X-First: " + apiKey, "X-Second:"}, deny(policy.MalformedRequest, "/two", "two")},
		{"/two", []string{"X-First:", "X-Second: " + apiKey}, deny(policy.MalformedRequest, "/two", "two")},

		{"/visitors", nil, anonymous("/visitors")},
		{"/visitors", []string{"Accept: */*"}, anonymous("/visitors")},
		{"/visitors", []string{widget}, allow("/visitors", "widget", policy.Customer, "ann")},
		{"/visitors", []string{nobody}, allow("/visitors", "widget", policy.Application, nil)},
		{"/visitors", []string{"X-First: " + apiKey}, anonymous("/visitors")}, // of another route
		// A bad credential never makes an anonymous visitor.
		{"/visitors", []string{expired}, deny(policy.TokenExpired, "/visitors", "widget")},
		{"/visitors", []string{widget + "x"}, deny(policy.BadSignature, "/visitors", "widget")},
		{"/visitors", []string{"Authorization: JWT"}, deny(policy.MalformedCredential, "/visitors", "widget")},
		{"/visitors", []string{"Authorization:"}, deny(policy.MalformedCredential, "/visitors", "")},
		{"/visitors", []string{ann}, deny(policy.MissingCredential, "/visitors", "")},
		{"/visitors", []string{"Authorization: Basic YTpi"}, deny(policy.MissingCredential, "/visitors", "")},
		{"/visitors", []string{"X-Api-Key:"}, deny(policy.MalformedCredential, "/visitors", "key")},
		{"/visitors", []string{widget, key}, deny(policy.MalformedRequest, "/visitors", "widget")},
		{"/visitors-first", nil, anonymous("/visitors-first")},
		{"/visitors-first", []string{widget}, allow("/visitors-first", "widget", policy.Customer, "ann")},
		{"/visitors-first", []string{expired}, deny(policy.TokenExpired, "/visitors-first", "widget")},
		{"/visitors-first", []string{"Authorization: Basic YTpi"}, deny(policy.MissingCredential, "/visitors-first", "")},

		// On a public route whatever is carried does not count.
		{"/public", nil, anonymous("/public")},
		{"/public", []string{widget}, anonymous("/public")},
		{"/public", []string{expired}, anonymous("/public")},
		{"/public", []string{"Authorization:"}, anonymous("/public")},
		{"/public", []string{"Authorization: Basic YTpi", key}, anonymous("/public")},
	} {
		got := verdictOf(decide(t, g, "GET "+test.route, test.header...))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %.60q: %s", test.route, test.header, diff)
		}
	}
}

func TestCacheUseIsTold(t *testing.T) {
	g := newGate(t, route(t, "/customer", []string{"customer"}), route(t, "/app", []string{"project"}))
	ann := bearer(t, "ann")
	for i, want := range []authn.CacheUse{authn.CacheMiss, authn.CacheHit} {
		if d := decide(t, g, "GET /customer", ann); d.Denial != nil || d.Cache != want {
			t.Errorf("time %d: %v, cache %v", i, d.Denial, d.Cache)
		}
	}
	if d := decide(t, g, "GET /app", "Authorization: Token "+projectToken); d.Denial != nil || d.Cache != authn.NoCache {
		t.Errorf("a static token: %v, cache %v", d.Denial, d.Cache)
	}
}
