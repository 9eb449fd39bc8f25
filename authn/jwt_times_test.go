package authn_test

import (
	"testing"
	"time"

	"postern/authn"
	"postern/policy"
)

// TestTimes holds every time claim to its exact boundary, with the default
// clock skew of 30 s unless a test says otherwise.
func TestTimes(t *testing.T) {
	type settings = authn.JWTSettings
	var (
		noSkew      = func(s *settings) { s.ClockSkew = 0 }
		exact       = func(s *settings) { s.MaxLifetime = duration(10 * time.Minute) }
		aged        = func(s *settings) { s.MaxAge = duration(time.Minute) }
		noExp       = func(s *settings) { s.RequireExp = false }
		exactNoExp  = func(s *settings) { exact(s); noExp(s) }
		widestClock = func(s *settings) { s.ClockSkew = policy.Duration(10 * time.Minute) }
	)
	const allow = policy.ReasonNone
	for _, test := range []struct {
		edit   func(s *settings)
		claims string
		want   policy.Reason
	}{
		{nil, `{"exp":999971}`, allow},
		{nil, `{"exp":999970}`, policy.TokenExpired},
		{nil, `{"exp":999970.5}`, allow},
		{nil, `{"exp":0}`, policy.TokenExpired},
		{nil, `{}`, policy.MissingClaim},
		{noSkew, `{"exp":1000001}`, allow},
		{noSkew, `{"exp":1000000}`, policy.TokenExpired},
		{noSkew, `{"exp":1000000.25}`, allow},
		{widestClock, `{"exp":999401}`, allow},
		{widestClock, `{"exp":999400}`, policy.TokenExpired},
		{noExp, `{}`, allow},
		{noExp, `{"exp":999970}`, policy.TokenExpired},

		{nil, `{"exp":1000300,"nbf":1000030}`, allow},
		{nil, `{"exp":1000300,"nbf":1000031}`, policy.TokenNotYetValid},
		{nil, `{"exp":1000300,"nbf":1000030.5}`, policy.TokenNotYetValid},
		{noSkew, `{"exp":1000300,"nbf":1000000}`, allow},
		{noSkew, `{"exp":1000300,"nbf":1000001}`, policy.TokenNotYetValid},

		{nil, `{"exp":1000300,"iat":1000030}`, allow},
		{nil, `{"exp":1000300,"iat":1000031}`, policy.IssuedInFuture},
		{nil, `{"exp":1000300,"iat":1000030.5}`, policy.IssuedInFuture},
		{nil, `{"exp":1000300000,"iat":1000000000}`, policy.IssuedInFuture}, // milliseconds
		{noSkew, `{"exp":1000300,"iat":1000001}`, policy.IssuedInFuture},

		{exact, `{"exp":1000600,"iat":1000000}`, allow},
		{exact, `{"exp":1000601,"iat":1000000}`, policy.LifetimeTooLong},
		{exact, `{"exp":1000600.5,"iat":1000000}`, policy.LifetimeTooLong},
		{exact, `{"exp":1000600.5,"iat":1000000.5}`, allow},
		{exact, `{"exp":1000000,"iat":1000020}`, allow},
		{exact, `{"exp":1000300}`, policy.MissingClaim},
		{exact, `{"exp":1000300000,"iat":1000000}`, policy.LifetimeTooLong},
		{exactNoExp, `{"iat":1000000}`, policy.MissingClaim},

		{aged, `{"exp":1000300,"iat":999910}`, allow},
		{aged, `{"exp":1000300,"iat":999909}`, policy.TokenTooOld},
		{aged, `{"exp":1000300,"iat":999909.5}`, policy.TokenTooOld},
		{aged, `{"exp":1000300}`, policy.MissingClaim},

		{nil, `{"exp":1.0003e6,"nbf":1E6,"iat":10000000e-1}`, allow},
		{nil, `{"exp":9007199254740992}`, allow},
		{nil, `{"exp":9007199254740994}`, policy.MalformedCredential},
		{nil, `{"exp":9223372036854775807}`, policy.MalformedCredential},
		{nil, `{"exp":9223372036854775808}`, policy.MalformedCredential},
		{nil, `{"exp":1e300}`, policy.MalformedCredential},
		{nil, `{"exp":1e400}`, policy.MalformedCredential},
		{nil, `{"exp":-1}`, policy.MalformedCredential},
		{nil, `{"exp":-0.5}`, policy.MalformedCredential},
		{nil, `{"exp":"1000300"}`, policy.MalformedCredential},
		{nil, `{"exp":true}`, policy.MalformedCredential},
		{nil, `{"exp":null}`, policy.MalformedCredential},
		{nil, `{"exp":[1000300]}`, policy.MalformedCredential},
		{nil, `{"exp":{}}`, policy.MalformedCredential},
		{noExp, `{"exp":"never"}`, policy.MalformedCredential},
		{nil, `{"exp":1000300,"nbf":"1000000"}`, policy.MalformedCredential},
		{nil, `{"exp":1000300,"nbf":-1}`, policy.MalformedCredential},
		{nil, `{"exp":1000300,"iat":"1000000"}`, policy.MalformedCredential},
		{nil, `{"exp":1000300,"iat":null}`, policy.MalformedCredential},
		{nil, `{"exp":1000300,"iat":1e400}`, policy.MalformedCredential},
	} {
		if _, got := verify(t, newJWT(t, test.edit), hs256(t, test.claims)); got != test.want {
			t.Errorf("%s: %v, want %v", test.claims, got, test.want)
		}
	}
}

func TestTimesToTheNanosecond(t *testing.T) {
	j := newJWT(t, func(s *authn.JWTSettings) { s.MaxAge = duration(time.Minute) })
	// Between nbf - skew and exp + skew, and up to iat + max_age + skew.
	token := hs256(t, `{"iat":1000000,"nbf":1000010,"exp":1000050}`)
	old := hs256(t, `{"iat":1000000,"exp":1000300}`)
	for _, test := range []struct {
		token  string
		moment time.Time
		want   policy.Reason
	}{
		{token, at.Add(-20*time.Second - 1), policy.TokenNotYetValid},
		{token, at.Add(-20 * time.Second), policy.ReasonNone},
		{token, at.Add(80*time.Second - 1), policy.ReasonNone},
		{token, at.Add(80 * time.Second), policy.TokenExpired},
		{old, at.Add(-30*time.Second - 1), policy.IssuedInFuture},
		{old, at.Add(-30 * time.Second), policy.ReasonNone},
		{old, at.Add(90 * time.Second), policy.ReasonNone},
		{old, at.Add(90*time.Second + 1), policy.TokenTooOld},
	} {
		// Whether the cache holds the token, from a time at which it is good, must
		// not matter.
		for _, source := range []string{"fresh", "cached"} {
			if _, got := verifyAt(t, j, test.token, test.moment); got != test.want {
				t.Errorf("%s, at %v: %v, want %v", source, test.moment.Sub(at), got, test.want)
			}
			verifyAt(t, j, test.token, at)
		}
	}
}

// TestStandingOfAToken: what was verified stands as long as it would be
// verified again, clock skew included.
func TestStandingOfAToken(t *testing.T) {
	j := newJWT(t, func(s *authn.JWTSettings) { s.MaxAge = duration(time.Minute) })
	ending, _ := verify(t, j, hs256(t, `{"iat":1000000,"nbf":1000010,"exp":1000050}`))
	aging, _ := verify(t, j, hs256(t, `{"iat":1000000,"exp":1000300}`))
	for _, test := range []struct {
		v     *authn.Verified
		after time.Duration
		want  policy.Reason
	}{
		{ending, -20*time.Second - 1, policy.TokenNotYetValid},
		{ending, -20 * time.Second, policy.ReasonNone},
		{ending, 80*time.Second - 1, policy.ReasonNone},
		{ending, 80 * time.Second, policy.TokenExpired},
		{aging, 90 * time.Second, policy.ReasonNone},
		{aging, 90*time.Second + 1, policy.TokenTooOld},
	} {
		if got := policy.ReasonOf(test.v.Standing(at.Add(test.after))); got != test.want {
			t.Errorf("after %v: %v, want %v", test.after, got, test.want)
		}
	}
}
