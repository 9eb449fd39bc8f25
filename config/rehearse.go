package config

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"time"

	"postern/keys"
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

// Rehearse is [Load] with throw-away keys, for commands that serve nobody. The
// environment is not read, and neither is a file of a secret or key. A key ring
// that is not there has the tenants that are given by authenticator.
func Rehearse(file string, tenants map[string][]string) (*Rehearsal, error) {
	authority, err := keys.NewMintAuthority()
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{StandIns: map[string]*StandIn{}}
	box := propBox{secrets: map[any]string{}, signers: map[any][]*keys.MintKey{}}
	prepare := func(c *Config) (err error) {
		for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
			if r.StandIns[name], err = box.standIn(c.Authenticators[name], tenants[name]); err != nil {
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

// forgetSecrets takes out of the settings what needs a secret or certificate and
// has no part in a decision.
func (c *Config) forgetSecrets() {
	c.Admin.Token, c.Server.TLS = nil, nil
	for name, u := range c.Upstreams {
		u.TLS = nil
		c.Upstreams[name] = u
	}
	if c.IdentityAssertion != nil {
		c.IdentityAssertion.StandIn()
	}
	if c.OpaqueID != nil {
		c.OpaqueID.Key = plain(throwAway()[:opaqueKeyBytes])
	}
}

// opaqueKeyBytes is what an opaque_id wants.
const opaqueKeyBytes = 64
