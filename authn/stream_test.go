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
func TestVouchedWithdrawn(t *testing.T) {
	later := at.Add(24 * time.Hour)
	for name, test := range map[string]struct {
		edit func(*authn.JWTSettings)
		list *authn.RevocationList
		want policy.Reason
	}{
		"nothing":           {nil, nil, policy.ReasonNone},
		"its key's time":    {func(s *authn.JWTSettings) { s.Keys.Secrets[0].NotAfter = later }, nil, policy.BadSignature},
		"by a list":         {nil, revoke("t-1"), policy.Revoked},
		"by another's list": {nil, revoke("t-2"), policy.ReasonNone},
	} {
		var list authn.Revocations
		j := newJWT(t, test.edit)
		j.Heed(&list)
		v, reason := verify(t, j, hs256(t, `{"jti":"t-1","exp":1000300}`))
		if reason != policy.ReasonNone {
			t.Fatal(name, reason)
		}
		list.Replace(test.list)
		for what, v := range map[string]*authn.Verified{"alone": v, "in a group": must(authn.Merge(authn.NewAnonymous(), v, "group"))} {
			same, err := v.Vouched(later, nil)
			if policy.ReasonOf(err) != test.want || err == nil && same != v {
				t.Errorf("%s, %s: %v, want %v", name, what, err, test.want)
			}
		}
	}
}

// What lasts follows its key through the refreshes of a set, and ends with it; a set
// that is just being replaced ends nothing.
func TestVouchedFollowsItsKey(t *testing.T) {
	secrets := func(edit func(*keys.SecretSettings)) keys.Settings {
		s := sharedSecret()
		edit(&s.Secrets[0])
		return s
	}
	for name, test := range map[string]struct {
		after keys.Settings
		err   error // of the set by then, in place of keys
		id    string
		want  policy.Reason
		later policy.Reason // an hour later
	}{
		"the same":       {sharedSecret(), nil, "k1", policy.ReasonNone, policy.ReasonNone},
		"another id":     {secrets(func(s *keys.SecretSettings) { s.ID = "k2" }), nil, "k2", policy.ReasonNone, policy.ReasonNone},
		"an end":         {secrets(func(s *keys.SecretSettings) { s.NotAfter = at.Add(time.Hour) }), nil, "k1", policy.ReasonNone, policy.BadSignature},
		"another secret": {secrets(func(s *keys.SecretSettings) { s.Value.Literal = secretOfA }), nil, "", policy.UnknownKey, policy.UnknownKey},
		"no such key":    {secrets(func(s *keys.SecretSettings) { s.ID = "k2" }), policy.Deny(policy.UnknownKey, ""), "", policy.UnknownKey, policy.UnknownKey},
		"no keys":        {secrets(func(s *keys.SecretSettings) { s.ID = "k2" }), policy.Deny(policy.KeysUnavailable, ""), "", policy.KeysUnavailable, policy.KeysUnavailable},
	} {
		old, next := loadKeys(t, sharedSecret()), loadKeys(t, test.after)
		room := &keyRoom{found: theKeys(t, old)}
		v, reason := verify(t, newJWTOver(t, room), hs256(t, `{"exp":1000300}`))
		if reason != policy.ReasonNone {
			t.Fatal(name, reason)
		}
		next.Inherit(old)
		if now, err := v.Vouched(at, nil); err != nil || now.CredentialID != "k1" {
			t.Errorf("%s, while it changes: %v", name, err)
		}
		if room.found, room.err = nil, test.err; test.err == nil {
			room.found = theKeys(t, next)
		}
		now, err := v.Vouched(at, nil)
		if got := policy.ReasonOf(err); got != test.want || err == nil && (now.CredentialID != test.id || now.SecretID != test.id) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err == nil {
			_, err = now.Vouched(at.Add(time.Hour), nil)
		}
		if got := policy.ReasonOf(err); got != test.later {
			t.Errorf("%s, later: %v, want %v", name, got, test.later)
		}
	}
}

// What lasts takes the bounds that a reload gives its credential, also in a group; who
// is not there any more vouches for nobody.
func TestVouchedTakesNewBounds(t *testing.T) {
	ending := func(end time.Time) *authn.Token {
		s := static("app", "app-value")
		s.NotAfter = end
		return newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{s}})
	}
	aging := func(age time.Duration) *authn.JWT {
		return newJWT(t, func(s *authn.JWTSettings) { s.MaxAge = duration(age) })
	}
	app, _ := verify(t, ending(time.Time{}), "app-value")
	customer, _ := verify(t, aging(time.Hour), hs256(t, `{"iat":1000000,"exp":1900000}`))
	group := must(authn.Merge(app, customer, "app+web"))
	end := at.Add(time.Minute)
	for name, test := range map[string]struct {
		v     *authn.Verified
		after map[string]authn.Authenticator // by the member's name
		want  policy.Reason
		ends  time.Time
		by    policy.Reason
	}{
		"a static token":         {app, map[string]authn.Authenticator{"app": ending(end)}, policy.ReasonNone, end, policy.TokenExpired},
		"the age of a token":     {customer, map[string]authn.Authenticator{"web": aging(time.Minute)}, policy.ReasonNone, end.Add(30*time.Second + 1), policy.TokenTooOld},
		"a group":                {group, map[string]authn.Authenticator{"app": ending(end), "web": aging(time.Hour)}, policy.ReasonNone, end, policy.TokenExpired},
		"one of a group":         {group, map[string]authn.Authenticator{"app": ending(end)}, policy.MissingCredential, time.Time{}, 0},
		"a group that has ended": {group, map[string]authn.Authenticator{"app": ending(at.Add(-1)), "web": aging(time.Hour)}, policy.ReasonNone, at.Add(-1), policy.TokenExpired},
	} {
		now, err := test.v.Vouched(at, func(member *authn.Verified) authn.Authenticator { return test.after[member.Authenticator] })
		if policy.ReasonOf(err) != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err != nil {
			continue
		}
		if before, after := now.Lapsed(test.ends.Add(-1)), policy.ReasonOf(now.Lapsed(test.ends)); before != nil || after != test.by {
			t.Errorf("%s: %v, then %v", name, before, after)
		}
		if again, err := now.Vouched(at, nil); again != now {
			t.Errorf("%s: not for long: %v", name, err)
		}
	}
}

// What stands on a file that cannot be used any more is no fault of the customer's.
func TestVouchedWithItsFile(t *testing.T) {
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
		if _, err := v.Vouched(at.Add(after), nil); policy.ReasonOf(err) != want {
			t.Errorf("after %s: %v, want %v", after, err, want)
		}
	}
}
