package authn_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// static configures a token with a plain value.
func static(id, value string) authn.StaticTokenSettings {
	return authn.StaticTokenSettings{ID: id, Value: keys.Value{Literal: policy.Secret(value)}}
}

func newToken(t testing.TB, s authn.TokenSettings) *authn.Token {
	t.Helper()
	if s.Scheme == nil {
		scheme := "Token"
		s.Scheme = &scheme
	}
	var problems policy.Problems
	s.Check(nil, &problems)
	a := authn.NewToken("app", &s, keys.Loader{}, nil, &problems)
	if problems.List != nil {
		t.Fatalf("settings at fault: %v", problems.List)
	}
	return a
}

func TestToken(t *testing.T) {
	digest := sha256.Sum256([]byte("hashed-value"))
	hashed := authn.StaticTokenSettings{ID: "hashed", Value: keys.Value{SHA256: hex.EncodeToString(digest[:])}}
	windowed := static("windowed", "windowed-value")
	windowed.NotBefore, windowed.NotAfter = at, at.Add(time.Hour)
	windowed.Attributes = map[string]string{"project": "acme"}
	a := newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{static("plain", "plain-value"), hashed, windowed}})
	identity := func(id string) *policy.Identity {
		return &policy.Identity{Level: policy.Application, Authenticator: "app", CredentialID: id}
	}
	ofWindowed := identity("windowed")
	ofWindowed.Attributes, ofWindowed.ExpiresAt = windowed.Attributes, windowed.NotAfter
	for _, test := range []struct {
		value  string
		moment time.Time
		want   *policy.Identity
		reason policy.Reason
	}{
		{"plain-value", at, identity("plain"), policy.ReasonNone},
		{"plain-value", time.Unix(0, 0), identity("plain"), policy.ReasonNone},
		{"hashed-value", at, identity("hashed"), policy.ReasonNone},
		{"windowed-value", at.Add(-1), nil, policy.TokenNotYetValid},
		{"windowed-value", at, ofWindowed, policy.ReasonNone},
		{"windowed-value", at.Add(time.Hour - 1), ofWindowed, policy.ReasonNone},
		{"windowed-value", at.Add(time.Hour), nil, policy.TokenExpired},
		{"Plain-value", at, nil, policy.UnknownToken},
		{"plain-valu", at, nil, policy.UnknownToken},
		{"plain-value ", at, nil, policy.UnknownToken},
		{"plain-value\x00", at, nil, policy.UnknownToken},
		{"", at, nil, policy.UnknownToken},
		{"plain", at, nil, policy.UnknownToken},
		{hex.EncodeToString(digest[:]), at, nil, policy.UnknownToken},
		{string(digest[:]), at, nil, policy.UnknownToken},
	} {
		v, use, err := a.Verify(t.Context(), authn.Credential{Value: test.value}, test.moment)
		if reason := policy.ReasonOf(err); reason != test.reason || use != authn.NoCache {
			t.Errorf("%q at %v: %v, cache %v", test.value, test.moment.Sub(at), err, use)
		}
		var got *policy.Identity
		if v != nil {
			if got = &v.Identity; v.SecretID != got.CredentialID {
				t.Errorf("%q was verified by the secret %q", test.value, v.SecretID)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q at %v: %s", test.value, test.moment.Sub(at), diff)
		}
	}
}

func TestNoTokensIsHonoured(t *testing.T) {
	a := newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{}})
	for _, value := range []string{"", "a"} {
		if _, reason := verify(t, a, value); reason != policy.UnknownToken {
			t.Errorf("%q: %v", value, reason)
		}
	}
}

func TestTokenOfACustomer(t *testing.T) {
	ann := static("ann", "value-of-ann")
	ann.Attributes = map[string]string{"customer": "ann-1"}
	a := newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{ann}, CustomerID: reference(t, "attributes.customer")})
	v, reason := verify(t, a, "value-of-ann")
	if reason != policy.ReasonNone || v.Level != policy.Customer || v.Customer != "ann-1" {
		t.Errorf("%v, %+v", reason, v)
	}
}

func TestTokenStanding(t *testing.T) {
	token := static("a", "a-value")
	token.NotBefore, token.NotAfter = at, at.Add(time.Hour)
	v, _ := verify(t, newToken(t, authn.TokenSettings{Tokens: []authn.StaticTokenSettings{token}}), "a-value")
	for moment, want := range map[time.Duration]policy.Reason{
		-1: policy.TokenNotYetValid, 0: policy.ReasonNone, time.Hour - 1: policy.ReasonNone, time.Hour: policy.TokenExpired,
	} {
		if got := policy.ReasonOf(v.Standing(at.Add(moment))); got != want {
			t.Errorf("at %v: %v, want %v", moment, got, want)
		}
	}
}

func TestNewTokenRefuses(t *testing.T) {
	same := sha256.Sum256([]byte("same"))
	scheme := "Token"
	s := &authn.TokenSettings{CarrierSettings: authn.CarrierSettings{Scheme: &scheme}, Tokens: []authn.StaticTokenSettings{
		static("first", "same"),
		static("second", "same"),
		{ID: "third", Value: keys.Value{SHA256: hex.EncodeToString(same[:])}},
		{ID: "short", Value: keys.Value{SHA256: "abcd"}},
		{ID: "none"},
		{ID: "unset", Value: keys.Value{Env: "UNSET"}},
	}}
	var problems policy.Problems
	load := keys.Loader{LookupEnv: func(string) (string, bool) { return "", false }}
	authn.NewToken("app", s, load, policy.Path{"app"}, &problems)
	want := []string{
		`app.tokens[1].value: has the same value as "first"`,
		`app.tokens[2].value: has the same value as "first"`,
		`app.tokens[3].value: sha256 is not 64 hexadecimal digits`,
		`app.tokens[4].value: the secret is missing: write it, or {env: NAME}, or {file: path}`,
		`app.tokens[5].value: the environment variable UNSET is not set`,
	}
	if diff := cmp.Diff(want, messages(problems)); diff != "" {
		t.Error(diff)
	}
}
