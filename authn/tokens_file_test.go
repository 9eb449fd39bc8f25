package authn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

func fileOf(tokens ...authn.StaticTokenSettings) policy.Included[[]authn.StaticTokenSettings] {
	return policy.Included[[]authn.StaticTokenSettings]{Path: "tokens.yaml", Content: tokens}
}

func TestTokensFile(t *testing.T) {
	a := newToken(t, authn.TokenSettings{TokensFile: fileOf(static("mobile", "value-of-mobile"))})
	v, reason := verify(t, a, "value-of-mobile")
	if reason != policy.ReasonNone || v.CredentialID != "mobile" || v.SecretID != "mobile" {
		t.Errorf("%v, %+v", reason, v)
	}
	if _, reason := verify(t, a, "value-of-nobody"); reason != policy.UnknownToken {
		t.Error(reason)
	}
}

func TestEmptyTokensFileIsHonoured(t *testing.T) {
	if _, reason := verify(t, newToken(t, authn.TokenSettings{TokensFile: fileOf()}), "a"); reason != policy.UnknownToken {
		t.Error(reason)
	}
}

func TestTokensFileCheck(t *testing.T) {
	for name, test := range map[string]struct {
		settings authn.TokenSettings
		want     []string
	}{
		"both": {authn.TokenSettings{Tokens: []authn.StaticTokenSettings{}, TokensFile: fileOf(static("a", "1"))}, []string{
			"app.tokens_file: stands in place of tokens: use one or the other",
		}},
		"none": {authn.TokenSettings{}, []string{"app: tokens is missing: list them, or name a tokens_file"}},
		"its content is checked": {authn.TokenSettings{TokensFile: fileOf(static("a", "1"), static("a", "2"), static("", "1"))}, []string{
			`app.tokens_file[1].id: the id "a" stands twice`,
			`app.tokens_file[2].value: has the same value as "a"`,
			`app.tokens_file[2]: id is missing`,
		}},
	} {
		scheme := "Token"
		test.settings.Scheme = &scheme
		var problems policy.Problems
		test.settings.Check(policy.Path{"app"}, &problems)
		authn.NewToken("app", &test.settings, keys.Loader{}, policy.Path{"app"}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
