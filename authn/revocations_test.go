package authn_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"postern/authn"
	"postern/policy"
)

// revoke returns a list that revokes one token by its jti.
func revoke(jti string) *authn.RevocationList {
	return authn.NewRevocationList([]authn.Revocation{{TokenID: &jti}})
}

// An identity that was verified before, and that a stream holds or a cache carries
// over a reload, heeds each new list at once.
func TestStandingHeedsTheListInForce(t *testing.T) {
	var list authn.Revocations
	s := jwtSettings(t, nil)
	set, cache := loadKeys(t, s.Keys), newCache(&observer{})
	j := authn.NewJWT("web", s, set, cache, tokenBytes)
	j.Heed(&list)
	token := hs256(t, `{"jti":"t-1","exp":1000300}`)
	v, reason := verify(t, j, token)
	if reason != policy.ReasonNone || v.Standing(at) != nil {
		t.Fatal(reason)
	}
	merged, err := authn.Merge(must(authn.Merge(nil, authn.NewAnonymous(), "g")), v, "g")
	if err != nil {
		t.Fatal(err)
	}
	for step, test := range []struct {
		list *authn.RevocationList
		want policy.Reason
	}{
		{revoke("t-2"), policy.ReasonNone},
		{revoke("t-1"), policy.Revoked},
		{authn.NewRevocationList(nil), policy.ReasonNone},
		{revoke("t-1"), policy.Revoked},
		{nil, policy.ReasonNone},
	} {
		list.Replace(test.list)
		for what, got := range map[string]error{"it": v.Standing(at), "a group with it": merged.Standing(at)} {
			if policy.ReasonOf(got) != test.want {
				t.Errorf("step %d: %s: %v, want %v", step, what, got, test.want)
			}
		}
		if _, got := verify(t, j, token); got != test.want {
			t.Errorf("step %d: verified again: %v, want %v", step, got, test.want)
		}
	}
}

// A token that is over is over, whatever else is wrong with it: a client that
// renews it learns whether it is revoked.
func TestExpiryComesBeforeRevocation(t *testing.T) {
	var list authn.Revocations
	j := newJWT(t, nil)
	j.Heed(&list)
	v, _ := verify(t, j, hs256(t, `{"jti":"t-1","exp":1000300}`))
	list.Replace(revoke("t-1"))
	if got := policy.ReasonOf(v.Standing(at.Add(time.Hour))); got != policy.TokenExpired {
		t.Errorf("got %v", got)
	}
}

func TestReplacingWhileAsked(t *testing.T) {
	var list authn.Revocations
	j := newJWT(t, nil)
	j.Heed(&list)
	v, _ := verify(t, j, hs256(t, `{"jti":"t-1","exp":1000300}`))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				if got := policy.ReasonOf(v.Standing(at)); got != policy.ReasonNone && got != policy.Revoked {
					t.Error(got)
				}
			}
		})
	}
	for range 100 {
		list.Replace(revoke("t-1"))
		list.Replace(nil)
	}
	group.Wait()
}

// longList has n entries of every kind in turn, none of which is of the tests.
func longList(n int) *authn.RevocationList {
	entries := make([]authn.Revocation, n)
	for i := range entries {
		name := fmt.Sprintf("entry-%d", i)
		switch i % 4 {
		case 0:
			entries[i].TokenID = &name
		case 1:
			entries[i].KeyID = &name
		case 2:
			entries[i].CustomerID, entries[i].IssuedBefore = &name, at
		case 3:
			entries[i].Tenant, entries[i].IssuedBefore = &name, at
		}
	}
	return authn.NewRevocationList(entries)
}

// identified returns an identity that has all that can be revoked.
func identified(t testing.TB, list *authn.Revocations) *authn.Verified {
	t.Helper()
	j := newJWT(t, func(s *authn.JWTSettings) { s.CustomerID = reference(t, "claims.sub") })
	j.Heed(list)
	v, reason := verify(t, j, hs256(t, `{"jti":"t-1","sub":{"registered":"ann","cookie":4711},"iat":1000000,"exp":1000300}`))
	if reason != policy.ReasonNone {
		t.Fatal(reason)
	}
	return v
}

func TestStandingAllocatesNothing(t *testing.T) {
	var list authn.Revocations
	v := identified(t, &list)
	list.Replace(longList(10_000))
	if n := testing.AllocsPerRun(100, func() {
		if err := v.Standing(at); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStanding(b *testing.B) {
	for name, list := range map[string]*authn.RevocationList{"none": nil, "million": longList(1_000_000)} {
		b.Run(name, func(b *testing.B) {
			var running authn.Revocations
			v := identified(b, &running)
			running.Replace(list)
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Standing(at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestRevocationSettingsAreBounded(t *testing.T) {
	jti, empty := "t-1", ""
	for name, test := range map[string]struct {
		entries  int
		entry    authn.Revocation
		problems int
		first    string
	}{
		"as long as may be": {1_000_000, authn.Revocation{TokenID: &jti}, 0, ""},
		"longer":            {1_000_001, authn.Revocation{TokenID: &jti}, 1, "revocations.file: has more than 1000000 entries"},
		"all at fault":      {1_000_000, authn.Revocation{TokenID: &empty}, 100, "revocations.file[0].jti: is empty, which names nothing"},
	} {
		var s authn.RevocationSettings
		s.File.Include("revoked.json")
		s.File.Content = make([]authn.Revocation, test.entries)
		for i := range s.File.Content {
			s.File.Content[i] = test.entry
		}
		var problems policy.Problems
		s.Check(policy.Path{"revocations"}, &problems)
		if len(problems.List) != test.problems {
			t.Errorf("%s: %d problems, want %d", name, len(problems.List), test.problems)
		} else if test.problems > 0 {
			if p := problems.List[0]; p.Path.String()+": "+p.Message != test.first {
				t.Errorf("%s: %s: %s, want %s", name, p.Path, p.Message, test.first)
			}
		}
	}
}
