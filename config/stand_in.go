package config

import (
	"crypto/rand"
	"slices"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// propBox holds the throw-away keys of a rehearsal, by what they stand for: where
// two authenticators have the same secret or source of keys, so they do in the
// rehearsal, and what keeps their tokens apart is put to the test.
type propBox struct {
	secrets map[any]string
	signers map[any][]*keys.MintKey
}

// throwAwayID is the id of keys that have none in the configuration.
const throwAwayID = "throw-away"

// throwAway returns a new secret, which as a secret or token of a configuration is
// as good as any.
func throwAway() string { return rand.Text() + rand.Text() + rand.Text() }

func plain(secret string) keys.Value { return keys.Value{Literal: policy.Secret(secret)} }

// secret returns what stands for something.
func (b *propBox) secret(of any) string {
	if b.secrets[of] == "" {
		b.secrets[of] = throwAway()
	}
	return b.secrets[of]
}

// standIn puts throw-away keys into the settings of an authenticator.
func (b *propBox) standIn(a Authenticator, tenants []string) (s *StandIn, err error) {
	s = &StandIn{}
	switch {
	case a.Token != nil:
		s.Tokens = b.replaceTokens(a.Token)
	case a.Signature != nil:
		s.Keys = b.replaceSecrets(a.Signature.Secrets)
	case a.Introspection != nil:
		a.Introspection.ClientSecret = plain(throwAway())
	case a.JWT == nil:
	case a.JWT.Keys.IsKeyring():
		s.Tenants = b.replaceRing(&a.JWT.Keys.KeyringFile, tenants)
	case a.JWT.Keys.Symmetric():
		s.Keys = b.replaceList(&a.JWT.Keys)
	default:
		if s.Keys, err = b.replacePublic(a.JWT); err == nil {
			s.Public, err = keys.MintSet(s.Keys)
		}
	}
	return s, err
}

func (b *propBox) replaceTokens(settings *authn.TokenSettings) (tokens []StaticToken) {
	list := settings.List()
	for i := range list {
		secret := b.secret(list[i].Value)
		if settings.Basic == "pair" {
			secret += ":" + secret
		}
		list[i].Value = plain(secret)
		tokens = append(tokens, StaticToken{list[i].ID, settings.Credential(secret), list[i].NotBefore, list[i].NotAfter})
	}
	return tokens
}

// replaceList takes the secrets out of a file of their own, of one that is not there a
// single one.
func (b *propBox) replaceList(settings *keys.Settings) []*keys.MintKey {
	if file := settings.SecretsFile; file.Path != "" {
		settings.Secrets = file.Content
		if file.Content == nil {
			settings.Secrets = []keys.SecretSettings{{ID: throwAwayID, Value: keys.Value{File: file.Path}}}
		}
		settings.SecretsFile = policy.Included[[]keys.SecretSettings]{}
	}
	return b.replaceSecrets(settings.Secrets)
}

func (b *propBox) replaceSecrets(secrets []keys.SecretSettings) (signers []*keys.MintKey) {
	for i := range secrets {
		signers = append(signers, b.replaceSecret(&secrets[i].Value, secrets[i].ID, secrets[i].NotBefore, secrets[i].NotAfter))
	}
	return signers
}

func (b *propBox) replaceSecret(value *keys.Value, id string, notBefore, notAfter time.Time) *keys.MintKey {
	secret := b.secret(*value)
	*value = plain(secret)
	k := keys.NewMintKey(id, []byte(secret))
	k.NotBefore, k.NotAfter = notBefore, notAfter
	return k
}

// replaceRing returns the keys of each tenant, of a ring that is not there those of
// the tenants that are given.
func (b *propBox) replaceRing(ring *policy.Included[keys.KeyringSettings], tenants []string) map[string][]*keys.MintKey {
	if ring.Content == nil {
		ring.Content = keys.KeyringSettings{}
		for _, tenant := range tenants {
			// No two tenants have the same secret, and no other ring than this one.
			value := keys.Value{File: ring.Path, Env: tenant}
			ring.Content[tenant] = []keys.TenantSecretSettings{{ID: throwAwayID, Value: value}}
		}
	}
	signers := map[string][]*keys.MintKey{}
	for tenant, secrets := range ring.Content {
		signers[tenant] = []*keys.MintKey{}
		for i := range secrets {
			s := &secrets[i]
			signers[tenant] = append(signers[tenant], b.replaceSecret(&s.Value, s.ID, s.NotBefore, s.NotAfter))
		}
	}
	return signers
}

// published is where keys come from that the configuration does not list.
type published struct {
	jwksURL, x509URL, jwksFile string
	discovery                  keys.DiscoverySettings
}

// replacePublic returns, for each configured id, a key of each kind that the
// algorithms want. The settings are left without any.
func (b *propBox) replacePublic(settings *authn.JWTSettings) (signers []*keys.MintKey, err error) {
	source := published{settings.Keys.JWKSURL, settings.Keys.X509URL, settings.Keys.JWKSFile, keys.DiscoverySettings{}}
	if settings.Keys.Discovery != nil {
		source.discovery = *settings.Keys.Discovery
	}
	if settings.Keys.PublicKeys == nil {
		signers, err = b.kinds(source, settings.Algorithms, keys.PublicKeySettings{ID: throwAwayID}, nil)
	}
	for _, public := range settings.Keys.PublicKeys {
		if signers, err = b.kinds(public.File, settings.Algorithms, public, signers); err != nil {
			break
		}
	}
	settings.Keys = keys.Settings{Secrets: []keys.SecretSettings{}}
	return signers, err
}

// kinds appends a key of each kind that stands for something.
func (b *propBox) kinds(of any, algorithms []string, as keys.PublicKeySettings, signers []*keys.MintKey) ([]*keys.MintKey, error) {
	var own []*keys.MintKey
	for _, algorithm := range algorithms {
		fits := func(k *keys.MintKey) bool { return k.Fits(algorithm) }
		if _, known := keys.LookupAlgorithm(algorithm); !known || slices.ContainsFunc(own, fits) {
			continue // one that is not known is reported already
		}
		i := slices.IndexFunc(b.signers[of], fits)
		if i < 0 {
			key, err := keys.GenerateMintKey("", algorithm)
			if err != nil {
				return nil, err
			}
			i = len(b.signers[of])
			b.signers[of] = append(b.signers[of], key)
		}
		key := *b.signers[of][i]
		key.ID, key.Attributes = as.ID, as.Attributes
		own = append(own, &key)
	}
	return append(signers, own...), nil
}
