package authn_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

const (
	secretOfA = "the secret of tenant A, which nobody else may know"
	secretOfB = "the secret of tenant B, which nobody else may know"
)

// asked is a request that has these texts.
type asked map[string][]string

func (a asked) Texts(ref policy.Reference) ([]string, error) { return a[ref.String()], nil }
func (a asked) RawBody() ([]byte, error)                     { return nil, nil }

func tenantSecret(id, value string) keys.TenantSecretSettings {
	return keys.TenantSecretSettings{ID: id, Value: keys.Value{Literal: policy.Secret(value)}}
}

func twoTenants() keys.KeyringSettings {
	return keys.KeyringSettings{"A": {tenantSecret("a1", secretOfA)}, "B": {tenantSecret("b1", secretOfB)}, "empty": {}}
}

func loadRing(t testing.TB, s *authn.JWTSettings) *keys.Ring {
	t.Helper()
	var problems policy.Problems
	ring := s.Keys.LoadRing(nil, keys.Loader{}, false, &problems)
	if problems.List != nil {
		t.Fatalf("keys at fault: %v", problems.List)
	}
	return ring
}

// keyringSettings select a tenant by a reference, and a pattern unless it is "".
func keyringSettings(t testing.TB, ring keys.KeyringSettings, from, pattern string) *authn.JWTSettings {
	t.Helper()
	return jwtSettings(t, func(s *authn.JWTSettings) {
		s.Keys.Secrets = nil
		s.Keys.KeyringFile = policy.Included[keys.KeyringSettings]{Path: "ring.yaml", Content: ring}
		s.Keys.Select = &keys.SelectSettings{From: reference(t, from)}
		if pattern != "" {
			s.Keys.Select.Pattern = new(keys.TenantPattern)
			if err := s.Keys.Select.Pattern.UnmarshalText([]byte(pattern)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func newKeyringJWT(t testing.TB, ring keys.KeyringSettings, from, pattern string) *authn.JWT {
	t.Helper()
	s := keyringSettings(t, ring, from, pattern)
	return authn.NewJWT("web", s, loadRing(t, s), newCache(&observer{}), tokenBytes)
}

// signedBy makes a token of the JSON texts of its header and claims.
func signedBy(t testing.TB, secret, header, claims string) string {
	t.Helper()
	return sign(t, "HS256", []byte(secret), encode(header)+"."+encode(claims))
}

func TestKeyringIdentity(t *testing.T) {
	a := newKeyringJWT(t, twoTenants(), "path.project", "")
	credential := authn.Credential{
		Value:   signedBy(t, secretOfA, `{"alg":"HS256","kid":"forgotten"}`, `{"exp":1000300}`),
		Request: asked{"path.project": {"A"}},
	}
	want := policy.Identity{
		Level: policy.Application, Authenticator: "web", Tenant: "A", CredentialID: "a1",
		Key: map[string]any{"kid": "a1"}, ExpiresAt: time.Unix(1_000_300, 0), Claims: map[string]any{"exp": json.Number("1000300")},
	}
	for _, wantUse := range []authn.CacheUse{authn.CacheMiss, authn.CacheHit} {
		v, use, err := a.Verify(t.Context(), credential, at)
		if err != nil {
			t.Fatal(err)
		}
		// No id of a ring may become the label of a metric.
		if diff := cmp.Diff(want, v.Identity); diff != "" || v.SecretID != "" || use != wantUse {
			t.Errorf("cache %v, verified by secret %q: %s", use, v.SecretID, diff)
		}
	}
	if got := fmt.Sprint(a.Reads()); got != "[path.project]" {
		t.Errorf("it reads %s", got)
	}
}

// Whatever a token and its request say, only a token that is signed with a secret
// of the selected tenant is verified, and only as that tenant's: without a cache,
// and with one that knows good tokens of both tenants.
func TestCrossTenantTakeover(t *testing.T) {
	const projects = `https?://[^/]+/projects/([^/]+)`
	const plain = `{"alg":"HS256"}`
	of := func(tenant string) string { return fmt.Sprintf(`{"exp":1000300,"project":%q}`, tenant) }
	aud := func(value string) string { return fmt.Sprintf(`{"exp":1000300,"aud":%s}`, value) }
	path := func(tenants ...string) asked { return asked{"path.project": tenants} }
	query := func(tenants ...string) asked { return asked{"query.project": tenants} }
	type outcome struct {
		Tenant string
		Reason policy.Reason
	}
	isA, unknown, forged := outcome{"A", policy.ReasonNone}, outcome{"", policy.UnknownKey}, outcome{"", policy.BadSignature}
	for name, test := range map[string]struct {
		from, pattern  string
		request        asked
		secret         string
		header, claims string
		want           outcome
	}{
		"own path":               {"path.project", "", path("A"), secretOfA, plain, of("A"), isA},
		"other path":             {"path.project", "", path("B"), secretOfA, plain, of("A"), forged},
		"claims to be the other": {"path.project", "", path("B"), secretOfA, plain, of("B"), forged},
		"unknown path":           {"path.project", "", path("C"), secretOfA, plain, of("A"), unknown},
		"path in other case":     {"path.project", "", path("a"), secretOfA, plain, of("A"), unknown},
		"path of nobody":         {"path.project", "", path(""), secretOfA, plain, of("A"), unknown},
		"path without secrets":   {"path.project", "", path("empty"), secretOfA, plain, of("A"), forged},
		"kid of the other":       {"path.project", "", path("B"), secretOfA, `{"alg":"HS256","kid":"b1"}`, of("A"), forged},
		"own kid, other path":    {"path.project", "", path("B"), secretOfA, `{"alg":"HS256","kid":"a1"}`, of("A"), forged},
		"kid names the tenant":   {"path.project", "", path("B"), secretOfA, `{"alg":"HS256","kid":"A"}`, of("A"), forged},
		"kid names nobody":       {"path.project", "", path("A"), secretOfA, `{"alg":"HS256","kid":"x"}`, of("A"), isA},
		"other algorithm":        {"path.project", "", path("A"), secretOfA, `{"alg":"HS512"}`, of("A"), outcome{"", policy.AlgorithmNotAllowed}},

		"own query":     {"query.project", "", query("A"), secretOfA, plain, of("A"), isA},
		"other query":   {"query.project", "", query("B"), secretOfA, plain, of("A"), forged},
		"no query":      {"query.project", "", query(), secretOfA, plain, of("A"), unknown},
		"two queries":   {"query.project", "", query("A", "B"), secretOfA, plain, of("A"), unknown},
		"query twice":   {"query.project", "", query("A", "A"), secretOfA, plain, of("A"), unknown},
		"query pattern": {"query.project", "p-(.)", query("p-A"), secretOfA, plain, of("B"), isA},

		"own claim":         {"claims.project", "", nil, secretOfA, plain, of("A"), isA},
		"other claim":       {"claims.project", "", nil, secretOfA, plain, of("B"), forged},
		"unknown claim":     {"claims.project", "", nil, secretOfA, plain, of("C"), unknown},
		"no claim":          {"claims.project", "", nil, secretOfA, plain, aud(`"A"`), unknown},
		"claim is null":     {"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":null}`, unknown},
		"claim is an array": {"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":["A"]}`, isA},
		"claim is two":      {"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":["A","B"]}`, unknown},
		"claim is none":     {"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":[]}`, unknown},
		"claim is nested":   {"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":[["A"]]}`, unknown},
		"claim is an object": {
			"claims.project", "", nil, secretOfA, plain, `{"exp":1000300,"project":{"A":"A"}}`, unknown,
		},

		"own audience":      {"claims.aud", projects, nil, secretOfA, plain, aud(`"https://h/projects/A"`), isA},
		"other audience":    {"claims.aud", projects, nil, secretOfA, plain, aud(`"https://h/projects/B"`), forged},
		"audience in list":  {"claims.aud", projects, nil, secretOfA, plain, aud(`["https://h/projects/A"]`), isA},
		"audiences of both": {"claims.aud", projects, nil, secretOfA, plain, aud(`["https://h/projects/A","https://h/projects/B"]`), unknown},
		"bare audience":     {"claims.aud", projects, nil, secretOfA, plain, aud(`"A"`), unknown},
		"audience with more": {
			"claims.aud", projects, nil, secretOfA, plain, aud(`"https://h/projects/A/https://h/projects/B"`), unknown,
		},
		// What the token claims counts for nothing where the request selects.
		"audience of A, path of B": {"path.project", "", path("B"), secretOfA, plain, aud(`"https://h/projects/A"`), forged},
		"audience of B, path of A": {"path.project", "", path("A"), secretOfA, plain, aud(`"https://h/projects/B"`), isA},
	} {
		a := newKeyringJWT(t, twoTenants(), test.from, test.pattern)
		credential := authn.Credential{Value: signedBy(t, test.secret, test.header, test.claims), Request: test.request}
		attempt := func(when string) {
			v, _, err := a.Verify(t.Context(), credential, at)
			got := outcome{Reason: policy.ReasonOf(err)}
			if v != nil {
				got.Tenant = v.Tenant
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, %s: %v %s", name, when, err, diff)
			}
		}
		attempt("at first")
		// The same token is good in a request for the tenant that signed it.
		for tenant, secret := range map[string]string{"A": secretOfA, "B": secretOfB} {
			for _, value := range []string{credential.Value, signedBy(t, secret, plain, of(tenant))} {
				_, _, _ = a.Verify(t.Context(), authn.Credential{Value: value, Request: asked{
					"path.project": {tenant}, "query.project": {tenant},
				}}, at)
			}
		}
		attempt("once the cache is warm")
	}
}

// Two tenants with one secret stay two tenants: the cache must not turn a token of
// the one request into an identity of the other.
func TestSharedSecretOfTwoTenants(t *testing.T) {
	a := newKeyringJWT(t, keys.KeyringSettings{
		"A": {tenantSecret("same", secretOfA)}, "B": {tenantSecret("same", secretOfA)},
	}, "path.project", "")
	token := signedBy(t, secretOfA, `{"alg":"HS256"}`, `{"exp":1000300}`)
	for i, tenant := range []string{"A", "B", "A", "B"} {
		v, use, err := a.Verify(t.Context(), authn.Credential{Value: token, Request: asked{"path.project": {tenant}}}, at)
		if err != nil || v.Tenant != tenant || (use == authn.CacheHit) != (i > 1) {
			t.Errorf("request %d for %s: %+v, cache %v, %v", i, tenant, v, use, err)
		}
	}
}

// A secret that leaves the ring ends the identities that it has verified, in the
// cache, too.
func TestWithdrawnSecretOfATenant(t *testing.T) {
	s := keyringSettings(t, twoTenants(), "claims.project", "")
	cache := newCache(&observer{})
	old := loadRing(t, s)
	a := authn.NewJWT("web", s, old, cache, tokenBytes)
	tokens := map[string]string{
		"A": signedBy(t, secretOfA, `{"alg":"HS256"}`, `{"exp":1000300,"project":"A"}`),
		"B": signedBy(t, secretOfB, `{"alg":"HS256"}`, `{"exp":1000300,"project":"B"}`),
	}
	standing := map[string]*authn.Verified{}
	for tenant, token := range tokens {
		v, reason := verify(t, a, token)
		if reason != policy.ReasonNone {
			t.Fatal(reason)
		}
		standing[tenant] = v
	}
	next := keyringSettings(t, keys.KeyringSettings{"B": {tenantSecret("b1", secretOfB)}}, "claims.project", "")
	ring := loadRing(t, next)
	ring.Inherit(old)
	b := authn.NewJWT("web", s, ring, cache, tokenBytes)
	if a.Same(b) {
		t.Error("an authenticator with another ring is the same")
	}
	for tenant, want := range map[string]policy.Reason{"A": policy.UnknownKey, "B": policy.ReasonNone} {
		if got := policy.ReasonOf(standing[tenant].Standing(at)); got != want {
			t.Errorf("the identity of %s: %v, want %v", tenant, got, want)
		}
		if _, got := verify(t, b, tokens[tenant]); got != want {
			t.Errorf("a token of %s: %v, want %v", tenant, got, want)
		}
	}
}

// A kid is not unique among tenants, and so does not tell whose a token is.
func TestKeyringAffinity(t *testing.T) {
	a := newKeyringJWT(t, twoTenants(), "path.project", "")
	for credential, want := range map[string]authn.Affinity{
		signedBy(t, secretOfA, `{"alg":"HS256","kid":"a1"}`, `{}`): authn.AnyIssuer,
		"opaque": authn.NoAffinity,
	} {
		if got := a.Affinity(authn.Inspect(credential, 16<<10)); got != want {
			t.Errorf("%s: %v, want %v", credential, got, want)
		}
	}
}

// A group of two tenants' credentials would be held to the tenant of only one.
func TestGroupOfTwoTenants(t *testing.T) {
	identity := func(tenant string, level policy.Level) *authn.Verified {
		return &authn.Verified{Identity: policy.Identity{Tenant: tenant, Level: level}}
	}
	for _, test := range []struct {
		first, second string
		want          policy.Reason
	}{
		{"A", "A", policy.ReasonNone}, {"A", "", policy.ReasonNone}, {"", "A", policy.ReasonNone},
		{"A", "B", policy.IdentityMismatch},
	} {
		for _, level := range []policy.Level{policy.Application, policy.Customer} {
			_, err := authn.Merge(identity(test.first, level), identity(test.second, policy.Application), "both")
			if got := policy.ReasonOf(err); got != test.want {
				t.Errorf("%q and %q: %v, want %v", test.first, test.second, got, test.want)
			}
		}
	}
}
