package keys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func tenantSecret(id, value string) keys.TenantSecretSettings {
	return keys.TenantSecretSettings{ID: id, Value: keys.Value{Literal: policy.Secret(value)}}
}

// keyring configures a ring; its tenants are selected by the path.
func keyring(t testing.TB, tenants keys.KeyringSettings) keys.Settings {
	return defaults(func(s *keys.Settings) {
		s.KeyringFile = policy.Included[keys.KeyringSettings]{Path: "ring.yaml", Content: tenants}
		s.Select = &keys.SelectSettings{Whole: reference(t, "path.project")}
	})
}

func loadRing(t testing.TB, tenants keys.KeyringSettings) *keys.Ring {
	t.Helper()
	s := keyring(t, tenants)
	var problems policy.Problems
	s.Check(nil, &problems)
	ring := s.LoadRing(nil, keys.Loader{}, true, &problems)
	if ring == nil || problems.List != nil {
		t.Fatalf("LoadRing = %v, problems %v", ring, problems.List)
	}
	return ring
}

func reference(t testing.TB, text string) policy.Reference {
	t.Helper()
	ref, err := policy.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestRingCandidates(t *testing.T) {
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	old, next := tenantSecret("old", "1"), tenantSecret("next", "2")
	old.NotAfter, next.NotBefore = at, at
	ring := loadRing(t, keys.KeyringSettings{
		"acme":  {old, tenantSecret("a", "3"), next},
		"rival": {tenantSecret("a", "4")},
		"empty": {},
	})
	if ring.Len() != 4 {
		t.Errorf("Len = %d", ring.Len())
	}
	for name, test := range map[string]struct {
		tenant, kid, algorithm string
		at                     time.Time
		want                   []string
		reason                 policy.Reason
	}{
		"current":             {"acme", "", "HS256", at, []string{"a", "next"}, policy.ReasonNone},
		"before":              {"acme", "", "HS256", at.Add(-1), []string{"old", "a"}, policy.ReasonNone},
		"kid goes first":      {"acme", "next", "HS512", at, []string{"next", "a"}, policy.ReasonNone},
		"another's kid":       {"rival", "next", "HS256", at, []string{"a"}, policy.ReasonNone},
		"no secrets":          {"empty", "a", "HS256", at, nil, policy.ReasonNone},
		"unknown":             {"nobody", "a", "HS256", at, nil, policy.UnknownKey},
		"no tenant":           {"", "a", "HS256", at, nil, policy.UnknownKey},
		"in other case":       {"Acme", "a", "HS256", at, nil, policy.UnknownKey},
		"public algorithm":    {"acme", "", "RS256", at, nil, policy.AlgorithmNotAllowed},
		"algorithm of nobody": {"acme", "", "none", at, nil, policy.AlgorithmNotAllowed},
	} {
		got, err := ring.Candidates(test.tenant, test.kid, test.algorithm, test.at)
		if diff := cmp.Diff(test.want, ids(got)); diff != "" || policy.ReasonOf(err) != test.reason {
			t.Errorf("%s: error %v, candidates (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestRingInherits(t *testing.T) {
	one := func(t *testing.T, r *keys.Ring, tenant string) *keys.Key {
		t.Helper()
		found, err := r.Candidates(tenant, "", "HS256", time.Unix(1, 0))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", tenant, found, err)
		}
		return found[0]
	}
	old := loadRing(t, keys.KeyringSettings{
		"stays": {tenantSecret("a", "1")}, "rolls": {tenantSecret("a", "2")}, "leaves": {tenantSecret("a", "3")},
		"moves": {tenantSecret("a", "4")}, "empties": {tenantSecret("a", "5")},
	})
	fresh := func() *keys.Ring {
		return loadRing(t, keys.KeyringSettings{
			"stays": {tenantSecret("a", "1")}, "rolls": {tenantSecret("a", "new")}, "moved": {tenantSecret("a", "4")},
			"empties": {},
		})
	}
	next := fresh()
	if old.Equal(next) || !next.Equal(fresh()) {
		t.Errorf("equal to the one before: %v, to itself: %v", old.Equal(next), next.Equal(fresh()))
	}
	next.Inherit(old)
	for tenant, live := range map[string]bool{"stays": true, "rolls": false, "leaves": false, "moves": false, "empties": false} {
		if got := one(t, old, tenant).Live(); got != live {
			t.Errorf("the old secret of %s is live: %v", tenant, got)
		}
	}
	if one(t, next, "stays") != one(t, old, "stays") {
		t.Error("the secret that stays is another one")
	}
	// The same secret under another tenant is not the same secret.
	for _, tenant := range []string{"rolls", "moved"} {
		if !one(t, next, tenant).Live() {
			t.Errorf("the new secret of %s is not live", tenant)
		}
	}
}

func TestLoadRingReports(t *testing.T) {
	late := tenantSecret("late", "0123456789abcdefghijklmnopqrstuv")
	late.NotBefore, late.NotAfter = time.Unix(2, 0), time.Unix(1, 0)
	s := keyring(t, keys.KeyringSettings{
		"b": {tenantSecret("", "0123456789abcdefghijklmnopqrstuv"), late},
		"a": {tenantSecret("x", "short"), tenantSecret("x", "0123456789abcdefghijklmnopqrstuv"), {ID: "none"}},
	})
	var problems policy.Problems
	ring := s.LoadRing(policy.Path{"keys"}, keys.Loader{}, false, &problems)
	want := []policy.Problem{
		problem(`"x" stands twice`, "keyring_file", "a", 1, "id"),
		problem("the secret is shorter than 32 bytes and can be guessed (allow_weak_secret: true accepts it)", "keyring_file", "a", 0, "value"),
		problem("the secret is missing: write it, or {env: NAME}, or {file: path}", "keyring_file", "a", 2, "value"),
		problem("id is missing", "keyring_file", "b", 0),
		problem("is not after not_before: the secret would never be valid", "keyring_file", "b", 1, "not_after"),
	}
	if diff := cmp.Diff(want, problems.List); diff != "" || ring != nil {
		t.Errorf("%v, problems (-want +got):\n%s", ring, diff)
	}
}

// A mistake that a hundred thousand tenants share is told for some of them.
func TestLoadRingBoundsProblems(t *testing.T) {
	tenants := keys.KeyringSettings{}
	for i := range 1000 {
		tenants[fmt.Sprint(i)] = []keys.TenantSecretSettings{tenantSecret("a", "short")}
	}
	s := keyring(t, tenants)
	var problems policy.Problems
	if ring := s.LoadRing(nil, keys.Loader{}, false, &problems); ring != nil || len(problems.List) != 100 {
		t.Errorf("%v, %d problems", ring, len(problems.List))
	}
}
