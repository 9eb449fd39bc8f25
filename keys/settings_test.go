package keys_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func defaults(change func(*keys.Settings)) keys.Settings {
	var s keys.Settings
	s.SetDefaults()
	change(&s)
	return s
}

func problem(message string, steps ...any) policy.Problem {
	return policy.Problem{Path: policy.Path{"keys"}.At(steps...), Message: message}
}

func TestCheck(t *testing.T) {
	const oneSource = "wants exactly one of secrets, secrets_file, public_keys, jwks_file, jwks_url, discovery, x509_url and keyring_file"
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		change func(*keys.Settings)
		want   []policy.Problem
	}{
		"nothing":        {func(*keys.Settings) {}, []policy.Problem{problem(oneSource)}},
		"no secrets":     {func(s *keys.Settings) { s.Secrets = []keys.SecretSettings{} }, nil},
		"no public keys": {func(s *keys.Settings) { s.PublicKeys = []keys.PublicKeySettings{} }, nil},
		"file":           {func(s *keys.Settings) { s.JWKSFile = "jwks.json" }, nil},
		"two sources": {func(s *keys.Settings) {
			s.JWKSFile, s.Secrets = "jwks.json", []keys.SecretSettings{}
		}, []policy.Problem{problem(oneSource)}},
		"secrets": {func(s *keys.Settings) {
			a := secret("a", "1")
			a.NotBefore, a.NotAfter = day, day
			s.Secrets = []keys.SecretSettings{a, secret("a", "2"), secret("", "3")}
		}, []policy.Problem{
			problem("is not after not_before: the secret would never be valid", "secrets", 0, "not_after"),
			problem(`"a" stands twice`, "secrets", 1, "id"),
			problem("id is missing", "secrets", 2),
		}},
		"public keys": {func(s *keys.Settings) {
			s.PublicKeys = []keys.PublicKeySettings{{ID: "a", File: "a"}, {ID: "a"}, {File: "c"}}
		}, []policy.Problem{
			problem(`"a" stands twice`, "public_keys", 1, "id"),
			problem("file is missing", "public_keys", 1),
			problem("id is missing", "public_keys", 2),
		}},
		"remote options beside a file": {func(s *keys.Settings) {
			s.JWKSFile = "jwks.json"
			s.Refresh, s.Timeout, s.MaxBytes, s.MaxStale = 1, 1, 1, 1
			s.Required, s.AllowInsecureHTTP = true, true
			s.TLS, s.Proxy = &keys.TLSSettings{}, "http://127.0.0.1:1"
		}, []policy.Problem{
			problem("says nothing without jwks_url, discovery or x509_url", "refresh"),
			problem("says nothing without jwks_url, discovery or x509_url", "timeout"),
			problem("says nothing without jwks_url, discovery or x509_url", "max_bytes"),
			problem("says nothing without jwks_url, discovery or x509_url", "required"),
			problem("says nothing without jwks_url, discovery or x509_url", "allow_insecure_http"),
			problem("says nothing without jwks_url, discovery or x509_url", "tls"),
			problem("says nothing without jwks_url, discovery or x509_url", "proxy"),
		}},
		"remote": {func(s *keys.Settings) { s.JWKSURL = "https://idp.example.com/jwks.json" }, nil},
		"remote options": {func(s *keys.Settings) {
			s.JWKSURL = "https://idp.example.com/jwks.json"
			s.Refresh, s.Timeout, s.MaxBytes, s.MaxStale = policy.Duration(5*time.Second-1), 0, 0, 1
		}, []policy.Problem{
			problem("wants 5s at least", "refresh"),
			problem("wants more than 0s", "timeout"),
			problem("wants more than 0", "max_bytes"),
			problem("is shorter than refresh (4.999999999s)", "max_stale"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var problems policy.Problems
			settings := defaults(test.change)
			settings.Check(policy.Path{"keys"}, &problems)
			if diff := cmp.Diff(test.want, problems.List); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	const (
		plain    = "is plain http: whoever is on the way could replace the keys (allow_insecure_http: true accepts that)"
		bad      = "is not a URL like https://idp.example.com/jwks.json"
		password = "holds a user name or password, which a key set must not need"
	)
	for url, want := range map[string]string{
		"https://idp.example.com":               "",
		"http://localhost:8080/jwks":            "",
		"http://LOCALHOST/jwks":                 "",
		"http://127.9.9.9/jwks":                 "",
		"http://[::1]:80/jwks":                  "",
		"http://idp.example.com/jwks":           plain,
		"http://localhost.example.com/":         plain,
		"http://127.0.0.1.example.com/":         plain,
		"http://10.0.0.1/":                      plain,
		"http://0.0.0.0/":                       plain,
		"https://user:s3cret@example.com":       password,
		"https://user@example.com":              password,
		"ftp://idp.example.com/":                bad,
		"file:///jwks.json":                     bad,
		"idp.example.com/jwks":                  bad,
		"https://":                              bad,
		"https://:443/":                         bad,
		"https://a b/":                          bad,
		"https://user:s3cret@example.com:port/": bad,
	} {
		settings := defaults(func(s *keys.Settings) { s.JWKSURL = url })
		var problems policy.Problems
		settings.Check(policy.Path{"keys"}, &problems)
		var wanted []policy.Problem
		if want != "" {
			wanted = []policy.Problem{problem(want, "jwks_url")}
		}
		if diff := cmp.Diff(wanted, problems.List); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", url, diff)
		}
	}
	settings := defaults(func(s *keys.Settings) { s.JWKSURL, s.AllowInsecureHTTP = "http://idp.example.com/", true })
	var problems policy.Problems
	settings.Check(nil, &problems)
	if problems.List != nil {
		t.Errorf("with allow_insecure_http: %v", problems.List)
	}
}

func TestLoadReportsEverything(t *testing.T) {
	settings := defaults(func(s *keys.Settings) {
		s.Secrets = []keys.SecretSettings{
			secret("short", "0123456789abcdefghijklmnopqrstu"),
			secret("long", "0123456789abcdefghijklmnopqrstuv"),
			{ID: "missing"},
			{ID: "unset", Value: keys.Value{Env: "NOPE"}},
		}
	})
	l := keys.Loader{LookupEnv: func(string) (string, bool) { return "", false }}
	weak := problem("the secret is shorter than 32 bytes and can be guessed (allow_weak_secret: true accepts it)", "secrets", 0, "value")
	rest := []policy.Problem{
		problem("the secret is missing: write it, or {env: NAME}, or {file: path}", "secrets", 2, "value"),
		problem("the environment variable NOPE is not set", "secrets", 3, "value"),
	}
	for allowWeak, want := range map[bool][]policy.Problem{false: append([]policy.Problem{weak}, rest...), true: rest} {
		var problems policy.Problems
		set := settings.Load(policy.Path{"keys"}, l, allowWeak, &problems)
		if diff := cmp.Diff(want, problems.List); diff != "" || set != nil {
			t.Errorf("allowWeak %v: %v, problems (-want +got):\n%s", allowWeak, set, diff)
		}
	}

	settings = defaults(func(s *keys.Settings) { s.JWKSFile = "/nonexistent/jwks.json" })
	var problems policy.Problems
	settings.Load(policy.Path{"keys"}, keys.Loader{}, false, &problems)
	want := []policy.Problem{problem("stat /nonexistent/jwks.json: no such file or directory", "jwks_file")}
	if diff := cmp.Diff(want, problems.List); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestRemoteSettings(t *testing.T) {
	defaulted := func(l keys.Location) keys.RemoteSettings {
		return keys.RemoteSettings{Location: l, Refresh: 5 * time.Minute, Timeout: 5 * time.Second, MaxBytes: 1 << 20, MaxStale: 24 * time.Hour}
	}
	required := defaulted(keys.Location{Form: keys.JWKSet, URL: "https://idp.example.com/"})
	required.Required, required.AllowInsecureHTTP, required.Connection.Proxy = true, true, "http://127.0.0.1:1"
	for name, test := range map[string]struct {
		change func(*keys.Settings)
		want   keys.RemoteSettings
	}{
		"jwks_url": {func(s *keys.Settings) {
			s.JWKSURL, s.Required, s.AllowInsecureHTTP, s.Proxy = "https://idp.example.com/", true, true, "http://127.0.0.1:1"
		}, required},
		"x509_url": {
			func(s *keys.Settings) { s.X509URL = "https://idp.example.com/x509" },
			defaulted(keys.Location{Form: keys.Certificates, URL: "https://idp.example.com/x509"}),
		},
		"discovery": {
			func(s *keys.Settings) { s.Discovery = &keys.DiscoverySettings{Provider: "https://idp.example.com/a/"} },
			defaulted(keys.Location{Form: keys.Discovery, URL: "https://idp.example.com/a/.well-known/openid-configuration", Issuer: "https://idp.example.com/a/"}),
		},
		"discovery by URL": {
			func(s *keys.Settings) { s.Discovery = &keys.DiscoverySettings{URL: "https://idp.example.com"} },
			defaulted(keys.Location{Form: keys.Discovery, URL: "https://idp.example.com/.well-known/openid-configuration", Issuer: "https://idp.example.com"}),
		},
		"discovery elsewhere": {
			func(s *keys.Settings) {
				s.Discovery = &keys.DiscoverySettings{URL: "http://localhost:8080/a", Issuer: "https://idp.example.com/a"}
			},
			defaulted(keys.Location{Form: keys.Discovery, URL: "http://localhost:8080/a/.well-known/openid-configuration", Issuer: "https://idp.example.com/a"}),
		},
		"discovery by a document": {
			func(s *keys.Settings) {
				s.Discovery = &keys.DiscoverySettings{URL: "https://a.example/.well-known/oauth-authorization-server/b?c", Issuer: "https://a.example/b"}
			},
			defaulted(keys.Location{Form: keys.Discovery, URL: "https://a.example/.well-known/oauth-authorization-server/b?c", Issuer: "https://a.example/b"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			settings := defaults(test.change)
			var problems policy.Problems
			settings.Check(nil, &problems)
			got := settings.LoadRemote(nil, keys.Loader{}, "", &problems)
			if got != test.want || !settings.IsRemote() || problems.List != nil {
				t.Errorf("LoadRemote = %+v, want %+v; problems %v", got, test.want, problems.List)
			}
			if set := settings.Load(nil, keys.Loader{}, false, &problems); set != nil || problems.List != nil {
				t.Errorf("Load of a remote source = %v, %v", set, problems.List)
			}
		})
	}
	folders := defaults(func(s *keys.Settings) { s.JWKSURL = "https://idp.example.com/" })
	for folder, want := range map[string]string{"": "", "state": "/etc/postern/state", "/var/lib/postern": "/var/lib/postern"} {
		var problems policy.Problems
		if got := folders.LoadRemote(nil, keys.Loader{Dir: "/etc/postern"}, folder, &problems).StateDir; got != want {
			t.Errorf("state_dir %q is %q, want %q", folder, got, want)
		}
	}
	local := defaults(func(s *keys.Settings) { s.JWKSFile = "jwks.json" })
	if local.IsRemote() {
		t.Error("a file is remote")
	}
}
