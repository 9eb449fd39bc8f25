package authn_test

import (
	"testing"
	"time"

	"postern/authn"
	"postern/policy"
)

func TestRenewEvery(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Second: time.Second, time.Hour: time.Hour} {
		i := newIntrospection(t, &server{answer: active}, func(s *authn.IntrospectionSettings) { s.CacheTTL = policy.Duration(ttl) })
		p := newProfile(t, profileSettings(t, "http://127.0.0.1:1/me", func(s *authn.ProfileSettings) { s.CacheTTL = policy.Duration(ttl) }))
		for _, a := range []interface{ RenewEvery() time.Duration }{i, p} {
			if got := a.RenewEvery(); got != want {
				t.Errorf("%T that keeps answers for %s: every %s, want %s", a, ttl, got, want)
			}
		}
	}
}
