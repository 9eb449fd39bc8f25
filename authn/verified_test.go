package authn_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// keyRoom is a key set whose keys come and go.
type keyRoom struct {
	found []*keys.Key
	err   error // of Candidates, instead of found
	seek  func() error
}

func (r *keyRoom) Candidates(string, string, string, time.Time) ([]*keys.Key, error) {
	return r.found, r.err
}
func (r *keyRoom) Seek(context.Context, string) error { return r.seek() }

func (r *keyRoom) Has(keyID string) bool {
	return slices.ContainsFunc(r.found, func(k *keys.Key) bool { return k.ID == keyID })
}

func newJWTOver(t testing.TB, room *keyRoom) *authn.JWT {
	return authn.NewJWT("web", jwtSettings(t, nil), room, newCache(&observer{}), tokenBytes)
}

func theKeys(t testing.TB, set *keys.Static) []*keys.Key {
	t.Helper()
	found, err := set.Candidates("", "", "HS256", at)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUnknownKeyIsSought(t *testing.T) {
	found := theKeys(t, loadKeys(t, sharedSecret()))
	unknown := policy.Deny(policy.UnknownKey, "")
	token := hs256(t, `{"exp":1000300}`)
	for name, test := range map[string]struct {
		room *keyRoom
		// sought is the error of Seek, found what it finds.
		sought error
		found  []*keys.Key
		want   policy.Reason
	}{
		"it comes":              {&keyRoom{err: unknown}, nil, found, policy.ReasonNone},
		"it is pending":         {&keyRoom{err: unknown}, policy.Deny(policy.KeysPending, ""), nil, policy.KeysPending},
		"it is known to lack":   {&keyRoom{err: unknown}, unknown, nil, policy.UnknownKey},
		"it comes and is wrong": {&keyRoom{err: unknown}, nil, nil, policy.BadSignature},
		"there are no keys":     {&keyRoom{err: policy.Deny(policy.KeysUnavailable, "")}, nil, found, policy.KeysUnavailable},
		"another algorithm":     {&keyRoom{err: policy.Deny(policy.AlgorithmNotAllowed, "")}, nil, found, policy.AlgorithmNotAllowed},
		"none is live":          {&keyRoom{}, nil, found, policy.BadSignature},
	} {
		test.room.seek = func() error {
			if test.sought == nil {
				test.room.found, test.room.err = test.found, nil
			}
			return test.sought
		}
		if _, got := verify(t, newJWTOver(t, test.room), token); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestWithdrawnKeyEndsACachedToken(t *testing.T) {
	old := loadKeys(t, sharedSecret())
	room := &keyRoom{found: theKeys(t, old), seek: func() error { return policy.Deny(policy.UnknownKey, "") }}
	j := newJWTOver(t, room)
	token := hs256(t, `{"exp":1000300}`)
	v, reason := verify(t, j, token)
	if reason != policy.ReasonNone || v.Standing(at) != nil {
		t.Fatal(reason)
	}
	loadKeys(t, keys.Settings{Secrets: []keys.SecretSettings{}}).Inherit(old)
	room.found, room.err = nil, policy.Deny(policy.UnknownKey, "")
	if got := policy.ReasonOf(v.Standing(at)); got != policy.UnknownKey {
		t.Errorf("Standing: %v", got)
	}
	if _, got := verify(t, j, token); got != policy.UnknownKey {
		t.Errorf("Verify: %v", got)
	}
}

func TestEndedSecretEndsACachedToken(t *testing.T) {
	end := at.Add(time.Minute)
	j := newJWT(t, func(s *authn.JWTSettings) { s.Keys.Secrets[0].NotAfter = end })
	token := hs256(t, `{"exp":1000300}`)
	v, _ := verify(t, j, token)
	for moment, want := range map[time.Time]policy.Reason{end.Add(-1): policy.ReasonNone, end: policy.BadSignature} {
		if got := policy.ReasonOf(v.Standing(moment)); got != want {
			t.Errorf("Standing %v after: %v, want %v", moment.Sub(end), got, want)
		}
		if _, got := verifyAt(t, j, token, moment); got != want {
			t.Errorf("Verify %v after: %v, want %v", moment.Sub(end), got, want)
		}
	}
}

func TestAnotherKeyTakesOver(t *testing.T) {
	// The same secret under two ids: a token goes on when the first one ends.
	s := jwtSettings(t, func(s *authn.JWTSettings) {
		second := s.Keys.Secrets[0]
		second.ID = "k2"
		s.Keys.Secrets[0].NotAfter = at.Add(time.Minute)
		s.Keys.Secrets = append(s.Keys.Secrets, second)
	})
	o := &observer{}
	j := authn.NewJWT("web", s, loadKeys(t, s.Keys), newCache(o), tokenBytes)
	token := hs256(t, `{"exp":1000300}`)
	for moment, want := range []string{"k1", "k2"} {
		v, reason := verifyAt(t, j, token, at.Add(time.Duration(moment)*time.Minute))
		if reason != policy.ReasonNone || v.CredentialID != want {
			t.Errorf("%v by %v, want %s", reason, v, want)
		}
	}
	if diff := cmp.Diff(&observer{Misses: 2, Entries: 1}, o); diff != "" {
		t.Errorf("an entry that no longer stands is no hit: %s", diff)
	}
}

func TestAnonymous(t *testing.T) {
	v := authn.NewAnonymous()
	if diff := cmp.Diff(policy.Identity{Level: policy.Anonymous, Authenticator: "anonymous"}, v.Identity); diff != "" || v.Standing(at) != nil {
		t.Errorf("%v: %s", v.Standing(at), diff)
	}
}

// TestHeadersAreRenderedOnce asks for more header sets than an identity
// remembers, at the same time.
func TestHeadersAreRenderedOnce(t *testing.T) {
	v, _ := verify(t, newJWT(t, func(s *authn.JWTSettings) { s.CustomerID = reference(t, "claims.sub") }), hs256(t, claims))
	newSet := func(i int) *policy.HeaderSet {
		template, err := policy.ParseTemplate(fmt.Sprintf("%d {customer_id}", i))
		if err != nil {
			t.Fatal(err)
		}
		return policy.NewHeaderSet(map[string]*policy.Template{"X-Customer-Id": template})
	}
	first := newSet(0)
	if a, b := v.Headers(first), v.Headers(first); &a[0] != &b[0] {
		t.Error("rendered twice")
	}
	var sets []*policy.HeaderSet
	for i := range 6 {
		sets = append(sets, newSet(i))
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 300 {
				i %= len(sets)
				want := []policy.RenderedHeader{{Name: "X-Customer-Id", Values: []string{fmt.Sprintf("%d ann", i)}}}
				if diff := cmp.Diff(want, v.Headers(sets[i])); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	group.Wait()
}

func TestSame(t *testing.T) {
	s := jwtSettings(t, nil)
	set, cache := loadKeys(t, s.Keys), newCache(&observer{})
	j := authn.NewJWT("web", s, set, cache, tokenBytes)
	if !j.Same(authn.NewJWT("web", jwtSettings(t, nil), set, cache, tokenBytes)) {
		t.Error("equal settings make a difference")
	}
	for name, other := range map[string]*authn.JWT{
		"name":     authn.NewJWT("other", s, set, cache, tokenBytes),
		"settings": authn.NewJWT("web", jwtSettings(t, func(s *authn.JWTSettings) { s.MaxAge = duration(time.Hour) }), set, cache, tokenBytes),
		"keys":     authn.NewJWT("web", s, loadKeys(t, s.Keys), cache, tokenBytes),
		"cache":    authn.NewJWT("web", s, set, newCache(&observer{}), tokenBytes),
		"length":   authn.NewJWT("web", s, set, cache, tokenBytes+1),
	} {
		if j.Same(other) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}
