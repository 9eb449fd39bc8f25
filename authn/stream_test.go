package authn_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// What lasts ends with its token, where a request may still come a little later;
// a group lasts as long as the first of its members to end.
func TestLapsed(t *testing.T) {
	merge := func(members ...*authn.Verified) (group *authn.Verified) {
		for _, member := range members {
			group = must(authn.Merge(group, member, "group"))
		}
		return group
	}
	signed := func(claims string, edit func(*authn.JWTSettings)) *authn.Verified {
		v, reason := verify(t, newJWT(t, edit), hs256(t, claims))
		if reason != policy.ReasonNone {
			t.Fatal(reason)
		}
		return v
	}
	aged := func(s *authn.JWTSettings) { s.MaxAge = duration(time.Minute) }
	ending := static("ending", "ending-value")
	ending.NotAfter = at.Add(time.Hour)
	app, _ := verify(t, newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{ending}}), "ending-value")
	brief := signed(`{"exp":1000300}`, nil)
	for name, test := range map[string]struct {
		v    *authn.Verified
		ends time.Time // zero for never
		want policy.Reason
	}{
		"a token":                   {brief, at.Add(5 * time.Minute), policy.TokenExpired},
		"a token that has no end":   {signed(`{}`, func(s *authn.JWTSettings) { s.RequireExp = false }), time.Time{}, policy.ReasonNone},
		"a token that gets too old": {signed(`{"exp":99000000,"iat":1000000}`, aged), at.Add(time.Minute + 30*time.Second + 1), policy.TokenTooOld},
		"a static token":            {app, at.Add(time.Hour), policy.TokenExpired},
		"a group":                   {merge(app, brief), at.Add(5 * time.Minute), policy.TokenExpired},
		"a group in another order":  {merge(brief, app), at.Add(5 * time.Minute), policy.TokenExpired},
		"a visitor":                 {authn.NewAnonymous(), time.Time{}, policy.ReasonNone},
	} {
		moments := map[time.Time]policy.Reason{at: policy.ReasonNone, at.Add(365 * 24 * time.Hour): test.want}
		if !test.ends.IsZero() {
			moments[test.ends.Add(-1)], moments[test.ends] = policy.ReasonNone, test.want
		}
		for moment, want := range moments {
			if got := policy.ReasonOf(test.v.Lapsed(moment)); got != want {
				t.Errorf("%s, %s later: %v, want %v", name, moment.Sub(at), got, want)
			}
		}
	}
	if brief.Standing(at.Add(5*time.Minute)) != nil {
		t.Error("there is no skew that Lapsed could leave out")
	}
}

// What is taken away ends what lasts, whatever its own time; the time alone takes
// nothing away. Of a group each member counts.
func TestWithdrawn(t *testing.T) {
	later := at.Add(24 * time.Hour)
	for name, test := range map[string]struct {
		// take takes away what the identity stands on; it may change the settings
		// before that.
		edit func(*authn.JWTSettings)
		take func(set *keys.Static, list *authn.Revocations)
		want policy.Reason
	}{
		"nothing": {nil, func(*keys.Static, *authn.Revocations) {}, policy.ReasonNone},
		"its key": {nil, func(set *keys.Static, _ *authn.Revocations) {
			loadKeys(t, keys.Settings{Secrets: []keys.SecretSettings{}}).Inherit(set)
		}, policy.UnknownKey},
		"its key's time":    {func(s *authn.JWTSettings) { s.Keys.Secrets[0].NotAfter = later }, func(*keys.Static, *authn.Revocations) {}, policy.BadSignature},
		"by a list":         {nil, func(_ *keys.Static, list *authn.Revocations) { list.Replace(revoke("t-1")) }, policy.Revoked},
		"by another's list": {nil, func(_ *keys.Static, list *authn.Revocations) { list.Replace(revoke("t-2")) }, policy.ReasonNone},
	} {
		s := jwtSettings(t, test.edit)
		set := loadKeys(t, s.Keys)
		var list authn.Revocations
		j := authn.NewJWT("web", s, set, newCache(&observer{}), tokenBytes)
		j.Heed(&list)
		v, reason := verify(t, j, hs256(t, `{"jti":"t-1","exp":1000300}`))
		if reason != policy.ReasonNone {
			t.Fatal(name, reason)
		}
		group := must(authn.Merge(authn.NewAnonymous(), v, "group"))
		test.take(set, &list)
		for what, got := range map[string]error{"alone": v.Withdrawn(later), "in a group": group.Withdrawn(later)} {
			if policy.ReasonOf(got) != test.want {
				t.Errorf("%s, %s: %v, want %v", name, what, got, test.want)
			}
		}
	}
}

// What stands on a file that cannot be used any more is no fault of the customer's.
func TestWithdrawnWithItsFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("in-a-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	load, scheme := keys.Loader{Dir: dir, Files: keys.NewFiles()}, "Token"
	filed := static("filed", "")
	filed.Value = keys.Value{File: "token"}
	var problems policy.Problems
	a := authn.NewToken("app", &authn.TokenSettings{CarrierSettings: authn.CarrierSettings{Scheme: &scheme}, Tokens: []authn.StaticTokenSettings{filed}}, load, nil, &problems)
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	keys.NewWatcher(load.Files, at, nil, unobserved{}, slog.New(slog.DiscardHandler))
	v, _ := verify(t, a, "in-a-file")
	for after, want := range map[time.Duration]policy.Reason{24*time.Hour - 1: policy.ReasonNone, 24 * time.Hour: policy.KeysUnavailable} {
		if got := policy.ReasonOf(v.Withdrawn(at.Add(after))); got != want {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
	}
}
