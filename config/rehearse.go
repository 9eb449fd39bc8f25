package config

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// Rehearsal is a configuration in which throw-away keys stand in the place of every
// secret, key and certificate, so that its policy can be tried where none of them
// is at hand.
type Rehearsal struct {
	*Config
	// StandIns are by authenticator.
	StandIns map[string]*StandIn
}

// StandIn makes the credentials of an authenticator.
type StandIn struct {
	// Tokens are static tokens in their order.
	Tokens []StaticToken
	// Keys sign tokens or requests, in the order in which they are configured, and
	// Tenants are those of a key ring.
	Keys    []*keys.MintKey
	Tenants map[string][]*keys.MintKey
	// Public verifies what Keys sign in the place of public keys; nil where they are
	// secrets, which the configuration holds.
	Public *keys.Static
	// Authority issues client certificates, for all that take some.
	Authority *keys.MintAuthority
}

// StaticToken is one in the place of a configured one.
type StaticToken struct {
	ID string
	// Credential is what a request carries, without a scheme.
	Credential string
	// NotBefore and NotAfter bound when it is valid; a zero time is no bound.
	NotBefore, NotAfter time.Time
}

// throwAwayID is the id of keys that have none in the configuration.
const throwAwayID = "throw-away"

// Rehearse is [Load] with throw-away keys, for commands that serve nobody. The
// environment is not read, and neither is a file of a secret or key. A key ring
// that is not there has the tenants that are given by authenticator.
func Rehearse(file string, tenants map[string][]string) (*Rehearsal, error) {
	authority, err := keys.NewMintAuthority()
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{StandIns: map[string]*StandIn{}}
	prepare := func(c *Config) (err error) {
		for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
			if r.StandIns[name], err = standIn(c.Authenticators[name], tenants[name]); err != nil {
				return fmt.Errorf("authenticators.%s: %w", name, err)
			}
			r.StandIns[name].Authority = authority
		}
		c.forgetSecrets()
		return nil
	}
	if r.Config, err = load(file, noEnvironment, keys.NewFiles(), prepare); err != nil {
		return nil, err
	}
	pool, authorities := authority.Authorities()
	r.ServerTLS = &tls.Config{ClientCAs: pool}
	for name, a := range r.Authenticators {
		if a.MTLS != nil {
			r.StaticKeys[name] = authorities
		}
	}
	return r, nil
}

func noEnvironment(string) (string, bool) { return "", false }

// throwAway returns a new secret, which as a secret or token of a configuration is
// as good as any.
func throwAway() string { return rand.Text() + rand.Text() + rand.Text() }

func plain(secret string) keys.Value { return keys.Value{Literal: policy.Secret(secret)} }

// standIn puts throw-away keys into the settings of an authenticator.
func standIn(a Authenticator, tenants []string) (s *StandIn, err error) {
	s = &StandIn{}
	switch {
	case a.Token != nil:
		s.replaceTokens(a.Token)
	case a.Signature != nil:
		s.Keys = replaceSecrets(a.Signature.Secrets)
	case a.Introspection != nil:
		a.Introspection.ClientSecret = plain(throwAway())
	case a.JWT == nil:
	case a.JWT.Keys.IsKeyring():
		s.replaceRing(&a.JWT.Keys.KeyringFile, tenants)
	case a.JWT.Keys.Symmetric():
		s.Keys = replaceSecrets(a.JWT.Keys.Secrets)
	default:
		err = s.replacePublic(a.JWT)
	}
	return s, err
}

func (s *StandIn) replaceTokens(settings *authn.TokenSettings) {
	list := settings.List()
	for i := range list {
		secret := throwAway()
		if settings.Basic == "pair" {
			secret += ":" + throwAway()
		}
		list[i].Value = plain(secret)
		s.Tokens = append(s.Tokens, StaticToken{list[i].ID, settings.Credential(secret), list[i].NotBefore, list[i].NotAfter})
	}
}

func replaceSecrets(secrets []keys.SecretSettings) (signers []*keys.MintKey) {
	for i := range secrets {
		secret := throwAway()
		secrets[i].Value = plain(secret)
		signers = append(signers, signer(secrets[i].ID, secret, secrets[i].NotBefore, secrets[i].NotAfter))
	}
	return signers
}

func signer(id, secret string, notBefore, notAfter time.Time) *keys.MintKey {
	k := keys.NewMintKey(id, []byte(secret))
	k.NotBefore, k.NotAfter = notBefore, notAfter
	return k
}

func (s *StandIn) replaceRing(ring *policy.Included[keys.KeyringSettings], tenants []string) {
	if ring.Content == nil {
		ring.Content = keys.KeyringSettings{}
		for _, tenant := range tenants {
			ring.Content[tenant] = []keys.TenantSecretSettings{{ID: throwAwayID}}
		}
	}
	s.Tenants = map[string][]*keys.MintKey{}
	for tenant, secrets := range ring.Content {
		s.Tenants[tenant] = []*keys.MintKey{}
		for i := range secrets {
			secret := throwAway()
			secrets[i].Value = plain(secret)
			s.Tenants[tenant] = append(s.Tenants[tenant], signer(secrets[i].ID, secret, secrets[i].NotBefore, secrets[i].NotAfter))
		}
	}
}

// replacePublic makes, for each configured id, a key of each kind that the
// algorithms want. The settings are left without any: what verifies is Public.
func (s *StandIn) replacePublic(settings *authn.JWTSettings) (err error) {
	configured := settings.Keys.PublicKeys
	if configured == nil {
		configured = []keys.PublicKeySettings{{ID: throwAwayID}}
	}
	for _, public := range configured {
		var own []*keys.MintKey
		for _, algorithm := range settings.Algorithms {
			if _, known := keys.LookupAlgorithm(algorithm); !known || slices.ContainsFunc(own, fitting(algorithm)) {
				continue // one that is not known is reported already
			}
			key, err := keys.GenerateMintKey(public.ID, algorithm)
			if err != nil {
				return err
			}
			key.Attributes = public.Attributes
			own = append(own, key)
		}
		s.Keys = append(s.Keys, own...)
	}
	settings.Keys = keys.Settings{Secrets: []keys.SecretSettings{}}
	s.Public, err = keys.MintSet(s.Keys)
	return err
}

func fitting(algorithm string) func(*keys.MintKey) bool {
	return func(k *keys.MintKey) bool { return k.Fits(algorithm) }
}

// forgetSecrets takes out of the settings what needs a secret or certificate and
// has no part in a decision.
func (c *Config) forgetSecrets() {
	c.Admin.Token, c.Server.TLS = nil, nil
	for name, u := range c.Upstreams {
		u.TLS = nil
		c.Upstreams[name] = u
	}
	if c.OpaqueID != nil {
		c.OpaqueID.Key = plain(throwAway()[:opaqueKeyBytes])
	}
}

// opaqueKeyBytes is what an opaque_id wants.
const opaqueKeyBytes = 64
