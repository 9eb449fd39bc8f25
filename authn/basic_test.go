package authn_test

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

func basicSettings(basic string, values ...string) *authn.TokenSettings {
	scheme := "Basic"
	s := &authn.TokenSettings{CarrierSettings: authn.CarrierSettings{Scheme: &scheme}, Basic: basic, Tokens: []authn.StaticTokenSettings{}}
	for _, value := range values {
		s.Tokens = append(s.Tokens, static(value, value))
	}
	return s
}

func TestBasic(t *testing.T) {
	user, pair := newToken(t, *basicSettings("user", "key", "kéy")), newToken(t, *basicSettings("pair", "key:s3cret", "key:", "k:a:b"))
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, test := range []struct {
		credential string
		user, pair policy.Reason // of the refusal
	}{
		{b64("key:s3cret"), policy.ReasonNone, policy.ReasonNone},
		{b64("key:"), policy.ReasonNone, policy.ReasonNone},
		{b64("key:other"), policy.ReasonNone, policy.UnknownToken},
		{b64("key:s3cret:"), policy.ReasonNone, policy.UnknownToken},
		{b64("k:a:b"), policy.UnknownToken, policy.ReasonNone}, // a password may hold colons
		{b64("kéy:x"), policy.ReasonNone, policy.UnknownToken},
		{b64("Key:s3cret"), policy.UnknownToken, policy.UnknownToken},
		{b64("key :s3cret"), policy.UnknownToken, policy.UnknownToken},
		{b64(":key"), policy.UnknownToken, policy.UnknownToken},
		{b64(":"), policy.UnknownToken, policy.UnknownToken},
		// A colon is missing.
		{b64("key"), policy.MalformedCredential, policy.MalformedCredential},
		{b64(""), policy.MalformedCredential, policy.MalformedCredential},
		// RFC 7617, section 2: no control characters, in the password neither.
		{b64("key\x00:s3cret"), policy.MalformedCredential, policy.MalformedCredential},
		{b64("key:s3\ncret"), policy.MalformedCredential, policy.MalformedCredential},
		{b64("key:s3cret\x7f"), policy.MalformedCredential, policy.MalformedCredential},
		// Not the base64 of RFC 4648, section 4, in its only spelling.
		{"key:s3cret", policy.MalformedCredential, policy.MalformedCredential},
		{"a2V5OnMzY3JldA", policy.MalformedCredential, policy.MalformedCredential},
		{"a2V5OnMzY3JldB==", policy.MalformedCredential, policy.MalformedCredential},
		{"a2V5OnMzY3JldA==\r\n", policy.MalformedCredential, policy.MalformedCredential},
		{"a2V5OnMz\nY3JldA==", policy.MalformedCredential, policy.MalformedCredential},
		{"a2V5OnMzY3JldA==a2V5Og==", policy.MalformedCredential, policy.MalformedCredential},
		{base64.URLEncoding.EncodeToString([]byte("key:>>>???")), policy.MalformedCredential, policy.MalformedCredential},
	} {
		for a, want := range map[*authn.Token]policy.Reason{user: test.user, pair: test.pair} {
			if _, got := verify(t, a, test.credential); got != want {
				t.Errorf("%q: %v, want %v", test.credential, got, want)
			}
		}
	}
}

func TestBasicIdentity(t *testing.T) {
	v, reason := verify(t, newToken(t, *basicSettings("user", "key")), base64.StdEncoding.EncodeToString([]byte("key:s3cret")))
	if reason != policy.ReasonNone {
		t.Fatal(reason)
	}
	want := policy.Identity{Level: policy.Application, Authenticator: "app", CredentialID: "key"}
	if diff := cmp.Diff(want, v.Identity); diff != "" {
		t.Error(diff)
	}
}

func TestBasicSettings(t *testing.T) {
	const missing = "app: basic is missing: the scheme Basic carries user:password, of which a token is the user or the pair"
	scheme := func(name string) *string { return &name }
	for name, test := range map[string]struct {
		edit func(s *authn.TokenSettings)
		want []string
	}{
		"user":         {func(s *authn.TokenSettings) { s.Basic = "user" }, nil},
		"pair":         {func(s *authn.TokenSettings) { s.Basic, s.Scheme = "pair", scheme("basic") }, nil},
		"missing":      {func(*authn.TokenSettings) {}, []string{missing}},
		"missing, too": {func(s *authn.TokenSettings) { s.Scheme = scheme("bASIC") }, []string{missing}},
		"other scheme": {func(s *authn.TokenSettings) {
			s.Basic, s.Scheme = "user", scheme("Token")
		}, []string{"app.basic: Authorization has not the scheme Basic"}},
		"bare": {func(s *authn.TokenSettings) {
			s.Basic, s.Scheme = "user", scheme("")
		}, []string{"app.basic: Authorization has not the scheme Basic"}},
		"one of two carriers": {func(s *authn.TokenSettings) {
			s.Basic, s.Scheme = "user", nil
			s.From = []authn.FromSettings{{Header: "Authorization", Scheme: scheme("Basic")}, {Query: "key"}}
		}, []string{"app.basic: the parameter key has not the scheme Basic"}},
	} {
		s := basicSettings("")
		test.edit(s)
		var problems policy.Problems
		s.Check(policy.Path{"app"}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A token that no credential can hold is a mistake.
func TestBasicValues(t *testing.T) {
	for basic, want := range map[string][]string{
		"user": {
			"app.tokens[1].value: holds a colon, which no user can: basic: pair compares user:password",
			"app.tokens[2].value: holds a control character, which no user:password can",
		},
		"pair": {
			"app.tokens[0].value: wants user:password",
			"app.tokens[2].value: holds a control character, which no user:password can",
		},
	} {
		s := basicSettings(basic, "key", "key:s3cret ü", "key:\n")
		var problems policy.Problems
		s.Check(policy.Path{"app"}, &problems)
		authn.NewToken("app", s, keys.Loader{}, policy.Path{"app"}, &problems)
		if diff := cmp.Diff(want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", basic, diff)
		}
	}
}
