package keys_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func TestStaticSecrets(t *testing.T) {
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	old, current, next := secret("old", "1"), secret("current", "2"), secret("next", "3")
	old.NotAfter, next.NotBefore = at, at.Add(1)
	set := load(t, keys.Settings{Secrets: []keys.SecretSettings{old, current, next, secret("spare", "4")}})
	for name, test := range map[string]struct {
		kid, algorithm string
		at             time.Time
		want           []string
		reason         policy.Reason
	}{
		"no kid":            {"", "HS256", at, []string{"current", "spare"}, policy.ReasonNone},
		"kid goes first":    {"spare", "HS512", at, []string{"spare", "current"}, policy.ReasonNone},
		"unknown kid":       {"nobody", "HS256", at, []string{"current", "spare"}, policy.ReasonNone},
		"ended kid":         {"old", "HS256", at, []string{"current", "spare"}, policy.ReasonNone},
		"before the end":    {"old", "HS256", at.Add(-1), []string{"old", "current", "spare"}, policy.ReasonNone},
		"after the start":   {"", "HS384", at.Add(1), []string{"current", "next", "spare"}, policy.ReasonNone},
		"public algorithm":  {"", "RS256", at, nil, policy.AlgorithmNotAllowed},
		"unknown algorithm": {"", "none", at, nil, policy.AlgorithmNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := set.Candidates("", test.kid, test.algorithm, test.at)
			if diff := cmp.Diff(test.want, ids(got)); diff != "" || policy.ReasonOf(err) != test.reason {
				t.Errorf("error %v, candidates (-want +got):\n%s", err, diff)
			}
		})
	}
	if got := policy.ReasonOf(set.Seek(t.Context(), "nobody")); got != policy.UnknownKey {
		t.Errorf("Seek: %v", got)
	}
}

func TestNoneLiveIsNoError(t *testing.T) {
	ended := secret("old", "1")
	ended.NotAfter = time.Unix(1, 0)
	for name, s := range map[string]keys.Settings{
		"empty list": {Secrets: []keys.SecretSettings{}},
		"all ended":  {Secrets: []keys.SecretSettings{ended}},
	} {
		got, err := load(t, s).Candidates("", "old", "HS256", time.Unix(2, 0))
		if len(got) != 0 || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	_, err := load(t, keys.Settings{PublicKeys: []keys.PublicKeySettings{}}).Candidates("", "", "RS256", time.Time{})
	if policy.ReasonOf(err) != policy.UnknownKey {
		t.Errorf("no public keys: %v", err)
	}
}

func TestStaticPublicKeys(t *testing.T) {
	same := func() string { return publicJWK("same", "", newEC(elliptic.P256())) }
	document := jwkSet(publicJWK("ec", "", p256()), publicJWK("ed", "", edwards()), publicJWK("pinned", "PS256", rsa2048()),
		publicJWK("", "", newEC(elliptic.P384())), publicJWK("same", "", newEC(elliptic.P384())),
		same(), same(), same(), same(), same(), `{"kty":"oct","kid":"oct","k":"AAAA"}`)
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set := load(t, keys.Settings{JWKSFile: path})
	for name, test := range map[string]struct {
		kid, algorithm string
		want           []string
		reason         policy.Reason
	}{
		"by kid":                     {"ec", "ES256", []string{"ec"}, policy.ReasonNone},
		"kid in other case":          {"EC", "ES256", nil, policy.UnknownKey},
		"unknown kid":                {"nobody", "ES256", nil, policy.UnknownKey},
		"shared secret":              {"oct", "HS256", nil, policy.UnknownKey},
		"other curve":                {"ec", "ES384", nil, policy.AlgorithmNotAllowed},
		"secret's algorithm":         {"ec", "HS256", nil, policy.AlgorithmNotAllowed},
		"unknown algorithm":          {"ec", "none", nil, policy.AlgorithmNotAllowed},
		"pinned":                     {"pinned", "PS256", []string{"pinned"}, policy.ReasonNone},
		"pinned to another":          {"pinned", "RS256", nil, policy.AlgorithmNotAllowed},
		"no kid":                     {"", "EdDSA", []string{"ed"}, policy.ReasonNone},
		"no kid, several":            {"", "ES384", []string{"", "same"}, policy.ReasonNone},
		"no kid, none fits":          {"", "RS256", nil, policy.AlgorithmNotAllowed},
		"no kid, four at most":       {"", "ES256", []string{"ec", "same", "same", "same"}, policy.ReasonNone},
		"equal kids, four at most":   {"same", "ES256", []string{"same", "same", "same", "same"}, policy.ReasonNone},
		"equal kids, only those fit": {"same", "ES384", []string{"same"}, policy.ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := set.Candidates("", test.kid, test.algorithm, time.Time{})
			if diff := cmp.Diff(test.want, ids(got)); diff != "" || policy.ReasonOf(err) != test.reason {
				t.Errorf("error %v, candidates (-want +got):\n%s", err, diff)
			}
		})
	}
	if got := set.Ignored(); len(got) != 1 {
		t.Errorf("Ignored = %q", got)
	}
}

func TestPublicKeyFiles(t *testing.T) {
	pkix := func(key crypto.Signer) []byte { return must(x509.MarshalPKIXPublicKey(key.Public())) }
	block := pemBlock("PUBLIC KEY", pkix(p256()))
	for name, test := range map[string]struct{ content, algorithm, want string }{
		"PKIX EC":               {block, "ES256", ""},
		"PKIX RSA":              {pemBlock("PUBLIC KEY", pkix(rsa2048())), "RS256", ""},
		"PKIX Ed25519":          {pemBlock("PUBLIC KEY", pkix(edwards())), "EdDSA", ""},
		"PKCS1":                 {pemBlock("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa2048().PublicKey)), "PS512", ""},
		"certificate":           {pemBlock("CERTIFICATE", certificate(p256())), "ES256", ""},
		"text before the block": {"issued to: test\n" + block, "ES256", ""},

		"private key":         {pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(p256()))), "", "a private key: only the public one belongs here"},
		"EC private key":      {pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256()))), "", "a private key: only the public one belongs here"},
		"key pair":            {block + pemBlock("PRIVATE KEY", []byte{1}), "", "more than one PEM block: give each key a file of its own"},
		"two keys":            {block + block, "", "more than one PEM block: give each key a file of its own"},
		"text after":          {block + "x", "", "not a single PEM block"},
		"no PEM":              {"ssh-ed25519 AAAA", "", "not a single PEM block"},
		"request":             {pemBlock("CERTIFICATE REQUEST", []byte{1}), "", `a PEM block of type "CERTIFICATE REQUEST" holds no public key`},
		"weak":                {pemBlock("PUBLIC KEY", pkix(rsa1024())), "", "an RSA key of 1024 bits is weak: 2048 is the least"},
		"P-224":               {pemBlock("PUBLIC KEY", pkix(newEC(elliptic.P224()))), "", "an EC key must be a point on P-256, P-384 or P-521"},
		"weak in certificate": {pemBlock("CERTIFICATE", certificate(rsa1024())), "", "an RSA key of 1024 bits is weak: 2048 is the least"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			settings := keys.Settings{PublicKeys: []keys.PublicKeySettings{
				{ID: "k", File: path, Attributes: map[string]string{"project": "acme"}},
			}}
			if test.want != "" {
				var problems policy.Problems
				set := settings.Load(policy.Path{"keys"}, keys.Loader{}, false, &problems)
				want := []policy.Problem{{Path: policy.Path{"keys", "public_keys", 0, "file"}, Message: test.want}}
				if diff := cmp.Diff(want, problems.List); diff != "" || set != nil {
					t.Errorf("Load = %v, problems (-want +got):\n%s", set, diff)
				}
				return
			}
			got, err := load(t, settings).Candidates("", "k", test.algorithm, time.Time{})
			if err != nil || len(got) != 1 || got[0].Attributes["project"] != "acme" {
				t.Errorf("Candidates = %v, %v", got, err)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	base := secret("a", "1")
	set := func(change func(*keys.SecretSettings)) *keys.Static {
		s := base
		change(&s)
		return load(t, keys.Settings{Secrets: []keys.SecretSettings{s}})
	}
	unchanged := set(func(*keys.SecretSettings) {})
	for name, test := range map[string]struct {
		other *keys.Static
		want  bool
	}{
		"same":        {set(func(*keys.SecretSettings) {}), true},
		"same in UTC": {set(func(s *keys.SecretSettings) { s.NotBefore = time.Time{}.UTC() }), true},
		"id":          {set(func(s *keys.SecretSettings) { s.ID = "b" }), false},
		"value":       {set(func(s *keys.SecretSettings) { s.Value.Literal = "2" }), false},
		"not_before":  {set(func(s *keys.SecretSettings) { s.NotBefore = time.Unix(0, 0) }), false},
		"not_after":   {set(func(s *keys.SecretSettings) { s.NotAfter = time.Unix(0, 1) }), false},
		"attributes":  {set(func(s *keys.SecretSettings) { s.Attributes = map[string]string{"a": "b"} }), false},
		"more":        {load(t, keys.Settings{Secrets: []keys.SecretSettings{base, secret("b", "2")}}), false},
		"none":        {load(t, keys.Settings{Secrets: []keys.SecretSettings{}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if unchanged.Equal(test.other) != test.want || test.other.Equal(unchanged) != test.want {
				t.Errorf("Equal = %v", !test.want)
			}
		})
	}
	none := load(t, keys.Settings{Secrets: []keys.SecretSettings{}})
	if none.Equal(load(t, keys.Settings{PublicKeys: []keys.PublicKeySettings{}})) {
		t.Error("no secrets equal no public keys")
	}
}

func TestInherit(t *testing.T) {
	all := func(s *keys.Static) []*keys.Key {
		list, err := s.Candidates("", "", "HS256", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	old := load(t, keys.Settings{Secrets: []keys.SecretSettings{secret("stays", "1"), secret("goes", "2"), secret("changes", "3")}})
	before := all(old)
	fresh := load(t, keys.Settings{Secrets: []keys.SecretSettings{secret("changes", "4"), secret("stays", "1")}})
	fresh.Inherit(old)
	after := all(fresh)

	live := []bool{before[0].Live(), before[1].Live(), before[2].Live(), after[0].Live(), after[1].Live()}
	if want := []bool{true, false, false, true, true}; !slices.Equal(live, want) {
		t.Errorf("live %v, want %v", live, want)
	}
	// One that only ends at another time goes on until then.
	ends := secret("stays", "1")
	ends.NotAfter = time.Unix(100, 0)
	ending := load(t, keys.Settings{Secrets: []keys.SecretSettings{ends, secret("changes", "4")}})
	ending.Inherit(fresh)
	for at, current := range map[int64]bool{99: true, 100: false} {
		if k := before[0]; !k.Live() || k.Current(time.Unix(at, 0)) != current || k.Stale(time.Unix(at, 0)) {
			t.Errorf("at %d: live %v, current %v", at, k.Live(), k.Current(time.Unix(at, 0)))
		}
	}
	load(t, keys.Settings{Secrets: []keys.SecretSettings{}}).Inherit(ending)
	if before[0].Live() {
		t.Error("it has left with the one in its place")
	}
	if after[1] != before[0] {
		t.Error("an unchanged key is another")
	}
}
