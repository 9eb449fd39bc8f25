package authn_test

import (
	"crypto"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

type unobserved struct{}

func (unobserved) WatchFiles(map[string]bool) {}
func (unobserved) FileGood(string, time.Time) {}

// What came from a file stands for max_stale after the file was last good, in the
// cache, too. Then it is refused as an outage of ours, and so is what the file may
// hold by now; what stands in the configuration itself is not concerned.
func TestStaleFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret": secret, "token": "in-a-file", "tokens.yaml": "-", "ring.yaml": "-",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := keys.Loader{Dir: dir, Files: keys.NewFiles()}
	for _, included := range []string{"tokens.yaml", "ring.yaml"} { // as config reads them
		if _, err := load.File(included); err != nil {
			t.Fatal(err)
		}
	}
	var problems policy.Problems
	const literal = "a-literal-secret-of-thirty-two-bytes"
	inFile := static("file", "")
	inFile.Value = keys.Value{File: "token"}
	scheme := "Token"
	mixed := authn.NewToken("mixed", &authn.TokenSettings{
		CarrierSettings: authn.CarrierSettings{Scheme: &scheme}, Tokens: []authn.StaticTokenSettings{static("literal", "literal"), inFile},
	}, load, nil, &problems)
	listed := authn.NewToken("listed", &authn.TokenSettings{
		CarrierSettings: authn.CarrierSettings{Scheme: &scheme},
		TokensFile:      policy.Included[[]authn.StaticTokenSettings]{Path: "tokens.yaml", Content: []authn.StaticTokenSettings{static("a", "listed")}},
	}, load, nil, &problems)

	newJWT := func(s *authn.JWTSettings) *authn.JWT {
		return authn.NewJWT("web", s, s.Keys.Load(nil, load, false, &problems), newCache(&observer{}), tokenBytes)
	}
	shared := newJWT(jwtSettings(t, func(s *authn.JWTSettings) {
		s.Keys.Secrets = []keys.SecretSettings{
			{ID: "literal", Value: keys.Value{Literal: literal}}, {ID: "file", Value: keys.Value{File: "secret"}},
		}
	}))
	key := newRSA()
	public := newJWT(jwtSettings(t, func(s *authn.JWTSettings) {
		s.Keys, s.Algorithms = publicKeys(t, map[string]crypto.Signer{"k1": key}), []string{"RS256"}
	}))
	ringSettings := keyringSettings(t, twoTenants(), "claims.aud", "")
	ring := authn.NewJWT("web", ringSettings, ringSettings.Keys.LoadRing(nil, load, false, &problems), newCache(&observer{}), tokenBytes)
	hook := new(authn.SignatureSettings)
	hook.SetDefaults()
	hook.Secrets = []keys.SecretSettings{{ID: "file", Value: keys.Value{File: "secret"}}}
	hook.Message = message(t, "{body}")
	webhooks := authn.NewSignature("hook", hook, hook.Load(nil, load, &problems))
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	keys.NewWatcher(load.Files, at, nil, unobserved{}, slog.New(slog.DiscardHandler))

	const claims, day = `{"aud":"A","exp":2000000}`, 24 * time.Hour
	rs256 := func(kid string) string {
		return sign(t, "RS256", key, encode(`{"alg":"RS256","kid":"`+kid+`"}`)+"."+encode(claims))
	}
	for name, test := range map[string]struct {
		a             authn.Authenticator
		credential    string
		before, after policy.Reason
	}{
		"a token":                         {mixed, "in-a-file", policy.ReasonNone, policy.KeysUnavailable},
		"a token of the configuration":    {mixed, "literal", policy.ReasonNone, policy.ReasonNone},
		"an unknown token":                {mixed, "unknown", policy.UnknownToken, policy.KeysUnavailable},
		"a token of a list":               {listed, "listed", policy.ReasonNone, policy.KeysUnavailable},
		"a token that no list has":        {listed, "unknown", policy.UnknownToken, policy.KeysUnavailable},
		"a secret":                        {shared, signedBy(t, secret, `{"alg":"HS256"}`, claims), policy.ReasonNone, policy.KeysUnavailable},
		"a secret of the configuration":   {shared, signedBy(t, literal, `{"alg":"HS256"}`, claims), policy.ReasonNone, policy.ReasonNone},
		"an unknown secret":               {shared, signedBy(t, "unknown", `{"alg":"HS256"}`, claims), policy.BadSignature, policy.KeysUnavailable},
		"a public key":                    {public, rs256("k1"), policy.ReasonNone, policy.KeysUnavailable},
		"an unknown public key":           {public, rs256("k2"), policy.UnknownKey, policy.KeysUnavailable},
		"a tenant":                        {ring, signedBy(t, secretOfA, `{"alg":"HS256"}`, claims), policy.ReasonNone, policy.KeysUnavailable},
		"an unknown tenant":               {ring, signedBy(t, secretOfA, `{"alg":"HS256"}`, `{"aud":"C"}`), policy.UnknownKey, policy.KeysUnavailable},
		"a signature":                     {webhooks, hmacOf(secret, "body"), policy.ReasonNone, policy.KeysUnavailable},
		"a signature by something else":   {webhooks, hmacOf("unknown", "body"), policy.BadSignature, policy.KeysUnavailable},
		"an algorithm that no key is for": {shared, rs256("k1"), policy.AlgorithmNotAllowed, policy.AlgorithmNotAllowed},
	} {
		for _, moment := range []struct {
			after time.Duration
			want  policy.Reason
		}{{day - time.Minute, test.before}, {day - 1, test.before}, {day, test.after}} {
			v, _, err := test.a.Verify(t.Context(), authn.Credential{Value: test.credential, Request: webhook{body: "body"}}, at.Add(moment.after))
			if got := policy.ReasonOf(err); got != moment.want {
				t.Errorf("%s after %s: %v, want %s", name, moment.after, err, moment.want)
			}
			if v == nil {
				continue
			}
			if got := policy.ReasonOf(v.Standing(at.Add(day))); got != test.after {
				t.Errorf("%s stands: %s, want %s", name, got, test.after)
			}
		}
	}
}
