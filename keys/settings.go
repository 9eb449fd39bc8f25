package keys

import (
	"slices"
	"time"

	"postern/policy"
)

// Settings say where the keys of an authenticator come from: exactly one of
// Secrets, SecretsFile, JWKSURL, Discovery, X509URL, JWKSFile, PublicKeys and
// KeyringFile. An empty list that is written is one of them: nothing verifies.
type Settings struct {
	Secrets []SecretSettings `yaml:"secrets"`
	// SecretsFile has the list in a file of its own.
	SecretsFile policy.Included[[]SecretSettings] `yaml:"secrets_file"`
	PublicKeys  []PublicKeySettings               `yaml:"public_keys"`
	// JWKSFile is the path of a JWK set.
	JWKSFile string `yaml:"jwks_file"`
	// JWKSURL is where a JWK set is fetched, again and again.
	JWKSURL string `yaml:"jwks_url"`
	// Discovery names an OpenID provider, which says where its JWK set is.
	Discovery *DiscoverySettings `yaml:"discovery"`
	// X509URL is where a JSON object of certificates by kid is fetched.
	X509URL string `yaml:"x509_url"`
	// KeyringFile has the shared secrets of each tenant, and Select says for which
	// of them a token is.
	KeyringFile policy.Included[KeyringSettings] `yaml:"keyring_file"`
	Select      *SelectSettings                  `yaml:"select"`

	// Refresh is the time between two fetches; a shorter max-age of the answer is
	// honoured.
	Refresh policy.Duration `yaml:"refresh"`
	// Timeout bounds a fetch, from the connection to the last byte.
	Timeout policy.Duration `yaml:"timeout"`
	// MaxBytes bounds the fetched document.
	MaxBytes policy.Size `yaml:"max_bytes"`
	// MaxStale is how long keys are used after the last successful fetch, or after
	// their file could last be used.
	MaxStale policy.Duration `yaml:"max_stale"`
	// Required makes readiness wait for the keys without a limit.
	Required bool `yaml:"required"`
	// AllowInsecureHTTP accepts that whoever is on the way can replace the keys.
	AllowInsecureHTTP bool `yaml:"allow_insecure_http"`
	// TLS and Proxy are for the source's own client. Proxy is a URL.
	TLS   *TLSSettings  `yaml:"tls"`
	Proxy policy.Secret `yaml:"proxy"`
}

// SecretSettings configure a shared secret.
type SecretSettings struct {
	ID         string            `yaml:"id"`
	Value      Value             `yaml:"value"`
	NotBefore  time.Time         `yaml:"not_before"`
	NotAfter   time.Time         `yaml:"not_after"`
	Attributes map[string]string `yaml:"attributes"`
}

// PublicKeySettings configure a public key, whose id is the kid of its tokens.
type PublicKeySettings struct {
	ID         string            `yaml:"id"`
	File       string            `yaml:"file"`
	Attributes map[string]string `yaml:"attributes"`
}

// What a configuration means where it says nothing.
const (
	defaultRefresh  = policy.Duration(5 * time.Minute)
	defaultTimeout  = policy.Duration(5 * time.Second)
	defaultMaxBytes = policy.Size(1 << 20)
	defaultMaxStale = policy.Duration(DefaultMaxStale)
)

// DefaultMaxStale is how long values outlive their file, or keys their source,
// where no setting says so.
const DefaultMaxStale = 24 * time.Hour

// SetDefaults fills in what the configuration leaves out.
func (s *Settings) SetDefaults() {
	s.Refresh, s.Timeout = defaultRefresh, defaultTimeout
	s.MaxBytes, s.MaxStale = defaultMaxBytes, defaultMaxStale
}

// Tell reports whether the ids of the keys alone say which of two sources a
// token is for: both are lists, and no id is in both.
func (s *Settings) Tell(o *Settings) bool {
	own, other := s.Listed(), o.Listed()
	return len(own) > 0 && len(other) > 0 && !slices.ContainsFunc(own, func(a Listed) bool {
		return slices.ContainsFunc(other, func(b Listed) bool { return a.ID == b.ID })
	})
}

// Symmetric reports whether the keys are shared secrets.
func (s *Settings) Symmetric() bool { return s.listsSecrets() || s.IsKeyring() }

// IsJWKS reports whether the keys are JWKs, which say more of themselves than
// their id.
func (s *Settings) IsJWKS() bool { return s.JWKSURL != "" || s.JWKSFile != "" || s.Discovery != nil }

// IsPublished reports whether the keys are a provider's, who signs tokens for
// others, too.
func (s *Settings) IsPublished() bool { return s.IsJWKS() || s.X509URL != "" }

// IsKeyring reports whether the keys are those of a ring, which
// [Settings.LoadRing] reads.
func (s *Settings) IsKeyring() bool { return s.KeyringFile.Path != "" }

// Check reports what is wrong with the settings themselves; what they name is
// read by [Settings.Load] and [Settings.LoadRemote].
func (s *Settings) Check(at policy.Path, problems *policy.Problems) {
	s.checkSource(at, problems)
	checkSecrets(s.secretList(), s.SecretsPath(at), problems)
	checkPublicKeys(s.PublicKeys, at.At("public_keys"), problems)
	s.checkSelect(at, problems)
	if s.IsRemote() {
		s.checkRemote(at, problems)
	} else {
		s.checkNotRemote(at, problems)
	}
}

func (s *Settings) checkSource(at policy.Path, problems *policy.Problems) {
	sources := 0
	for _, given := range [...]bool{
		s.Secrets != nil, s.SecretsFile.Path != "", s.PublicKeys != nil, s.JWKSFile != "", s.JWKSURL != "", s.Discovery != nil, s.X509URL != "", s.IsKeyring(),
	} {
		if given {
			sources++
		}
	}
	if sources != 1 {
		problems.Addf(at, "wants exactly one of secrets, secrets_file, public_keys, jwks_file, jwks_url, discovery, x509_url and keyring_file")
	}
}

func checkSecrets(secrets []SecretSettings, at policy.Path, problems *policy.Problems) {
	ids := make(map[string]bool, len(secrets))
	for i := range secrets {
		secret := &secrets[i]
		checkID(secret.ID, ids, at, i, problems)
		if !secret.NotAfter.IsZero() && !secret.NotAfter.After(secret.NotBefore) {
			problems.Addf(at.At(i, "not_after"), "is not after not_before: the secret would never be valid")
		}
	}
}

func checkPublicKeys(publicKeys []PublicKeySettings, at policy.Path, problems *policy.Problems) {
	ids := make(map[string]bool)
	for i, key := range publicKeys {
		checkID(key.ID, ids, at, i, problems)
		if key.File == "" {
			problems.Addf(at.At(i), "file is missing")
		}
	}
}

// checkID looks at the id of the element i of the list at a path.
func checkID(id string, taken map[string]bool, at policy.Path, i int, problems *policy.Problems) {
	switch {
	case id == "":
		problems.Addf(at.At(i), "id is missing")
	case taken[id]:
		problems.Addf(at.At(i, "id"), "%q stands twice", id)
	}
	taken[id] = true
}

// fromFile reports whether any key comes from a file.
func (s *Settings) fromFile() bool {
	return s.JWKSFile != "" || s.SecretsFile.Path != "" || s.IsKeyring() || len(s.PublicKeys) > 0 ||
		slices.ContainsFunc(s.Secrets, func(s SecretSettings) bool { return s.Value.File != "" })
}
