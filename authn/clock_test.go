package authn_test

import (
	"fmt"
	"testing"
	"time"

	"postern/authn"
	"postern/internal/clocktest"
	"postern/policy"
)

// What a service has said is kept for as long as that may be, and what a token says
// of its own end goes by the clock of the moment, whatever somebody sets that to.
func TestAnswersWhenTheClockIsSet(t *testing.T) {
	begun := time.Now()
	s := &server{answer: func(token string) string {
		switch token {
		case "short":
			return fmt.Sprintf(`{"active":true,"aud":"chat","sub":"ann","exp":%d}`, begun.Unix()+20)
		case "gone":
			return `{"active":false}`
		}
		return `{"active":true,"aud":"chat","sub":"ann"}`
	}}
	const back, forward = -6 * time.Hour, 6 * time.Hour
	for _, test := range []struct {
		token      string
		after, set time.Duration
		want       outcome
	}{
		{"plain", 29 * time.Second, back, outcome{Customer: "ann", Cache: authn.CacheHit}},
		{"plain", 29 * time.Second, forward, outcome{Customer: "ann", Cache: authn.CacheHit}},
		{"plain", 30 * time.Second, back, outcome{Customer: "ann", Cache: authn.CacheMiss}},
		{"short", 10 * time.Second, back, outcome{Customer: "ann", Cache: authn.CacheHit}},
		{"short", 20 * time.Second, back, outcome{Customer: "ann", Cache: authn.CacheMiss}},
		{"short", 10 * time.Second, forward, outcome{Reason: policy.TokenExpired, Cache: authn.CacheMiss}},
		{"gone", 4 * time.Second, back, outcome{Reason: policy.InactiveToken, Cache: authn.CacheHit}},
		{"gone", 5 * time.Second, back, outcome{Reason: policy.InactiveToken, Cache: authn.CacheMiss}},
	} {
		i, c := newIntrospection(t, s, nil), authn.Credential{Value: test.token}
		ask(t.Context(), i, c, begun)
		got := ask(t.Context(), i, c, clocktest.Set(t, begun.Add(test.after), test.set))
		expect(t, fmt.Sprintf("%s after %s, set by %s", test.token, test.after, test.set), test.want, got)
	}
}

// A signed token is good by the clock of the moment, known or not: one that is set
// forward ends it, and one that is set back does not make it known for longer.
func TestTokensWhenTheClockIsSet(t *testing.T) {
	begun := time.Now()
	token := hs256(t, fmt.Sprintf(`{"exp":%d}`, begun.Unix()+600))
	for _, test := range []struct {
		after, set time.Duration
		want       policy.Reason
		use        authn.CacheUse
	}{
		{time.Minute, -6 * time.Hour, policy.ReasonNone, authn.CacheHit},
		{5 * time.Minute, -6 * time.Hour, policy.ReasonNone, authn.CacheMiss},
		{time.Minute, 6 * time.Hour, policy.TokenExpired, authn.CacheMiss},
	} {
		j := newJWT(t, nil)
		if _, reason := verifyAt(t, j, token, begun); reason != policy.ReasonNone {
			t.Fatal(reason)
		}
		_, use, err := j.Verify(t.Context(), authn.Credential{Value: token}, clocktest.Set(t, begun.Add(test.after), test.set))
		if policy.ReasonOf(err) != test.want || use != test.use {
			t.Errorf("after %s, set by %s: %v, %v", test.after, test.set, err, use)
		}
	}
}
