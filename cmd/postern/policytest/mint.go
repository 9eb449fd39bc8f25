package policytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"postern/authn"
	"postern/config"
	"postern/keys"
	"postern/policy"
)

// lifetime is how long a token lives, and how long ago one that has ended was
// issued.
const lifetime = 5 * time.Minute

// unsigned is carried in the place of a signature until the message is known.
const unsigned = "throw-away-signature"

// maker makes the credential of a case for an authenticator.
type maker struct {
	wanted        Credential
	authenticator config.Authenticator
	standIn       *config.StandIn
	at            time.Time
}

// text returns the credential as a carrier has it, without its scheme.
func (m *maker) text() (string, error) {
	switch a := m.authenticator; {
	case m.wanted.Raw != "":
		return m.wanted.Raw, nil
	case a.Token != nil:
		return m.staticToken(a.Token), nil
	case a.JWT != nil:
		return m.token(a.JWT)
	}
	return rand.Text(), nil // what an opaque token is, the service says
}

// requestSignature returns what is carried in the place of a signature.
func (m *maker) requestSignature() string {
	if m.wanted.Raw != "" {
		return m.wanted.Raw
	}
	return unsigned
}

// staticToken returns the one that is wanted, or the first one that is valid.
func (m *maker) staticToken(settings *authn.TokenSettings) string {
	list := m.standIn.Tokens
	i := slices.IndexFunc(list, func(t config.StaticToken) bool {
		return m.wanted.ID == t.ID || m.wanted.ID == "" && isCurrent(t.NotBefore, t.NotAfter, m.at)
	})
	if i < 0 || m.wanted.SignedBy == stranger {
		return settings.Credential(rand.Text() + ":" + rand.Text())
	}
	return list[i].Credential
}

func isCurrent(notBefore, notAfter, at time.Time) bool {
	return !at.Before(notBefore) && (notAfter.IsZero() || at.Before(notAfter))
}

// token makes a JWT.
func (m *maker) token(settings *authn.JWTSettings) (string, error) {
	key, err := m.signer()
	if err != nil {
		return "", err
	}
	issued, expires := m.times(settings.MaxLifetime)
	draft := settings.Draft(key, issued, expires.Sub(issued))
	if s := settings.Keys.Select; s.ByClaim() {
		if err := s.Reference().Path.Set(draft.Claims, m.wanted.Tenant); err != nil {
			return "", err
		}
	}
	override(draft.Claims, m.wanted.Claims)
	override(draft.Header, m.wanted.Header)
	return draft.Sign(key)
}

// override puts members into an object; null removes one.
func override(object, members map[string]any) {
	for name, value := range members {
		if object[name] = value; value == nil {
			delete(object, name)
		}
	}
}

// times returns when a credential was issued and when it ends.
func (m *maker) times(limit *policy.Duration) (issued, expires time.Time) {
	lives := lifetime
	if limit != nil {
		lives = min(lives, limit.Std())
	}
	issued, expires = m.at, m.at.Add(lives)
	if m.wanted.ExpiresIn != nil {
		if expires = m.at.Add(time.Duration(*m.wanted.ExpiresIn)); !expires.After(issued) {
			issued = expires.Add(-lives)
		}
	}
	if m.wanted.IssuedIn != nil {
		issued = m.at.Add(time.Duration(*m.wanted.IssuedIn))
	}
	return issued, expires
}

// keys returns those that may sign.
func (c *Credential) keys(s *config.StandIn) []*keys.MintKey {
	if s.Tenants != nil {
		return s.Tenants[c.Tenant]
	}
	return s.Keys
}

// signer returns the key that signs: the one that is wanted, or the first one that
// is current. A stranger's has the id of that one.
func (m *maker) signer() (*keys.MintKey, error) {
	algorithm, chosen := m.wanted.Header["alg"].(string)
	var own []*keys.MintKey
	for _, k := range m.wanted.keys(m.standIn) {
		if k.ID == m.wanted.SignedBy || (m.wanted.SignedBy == "" || m.wanted.SignedBy == stranger) && isCurrent(k.NotBefore, k.NotAfter, m.at) {
			own = append(own, k)
		}
	}
	i := slices.IndexFunc(own, func(k *keys.MintKey) bool { return !chosen || k.Fits(algorithm) })
	switch {
	case len(own) == 0:
		return m.strange("", algorithm)
	case i < 0 && m.wanted.SignedBy != stranger:
		return own[0], nil // which leaves a token of such an algorithm without a signature
	case m.wanted.SignedBy == stranger:
		return m.strange(own[max(i, 0)].ID, algorithm)
	}
	return own[i], nil
}

// strange makes a key that is not configured, for an algorithm where that is one.
func (m *maker) strange(id, algorithm string) (*keys.MintKey, error) {
	if _, known := keys.LookupAlgorithm(algorithm); !known {
		algorithm = "HS256"
		if settings := m.authenticator.JWT; settings != nil {
			algorithm = settings.Algorithms[0]
		}
	}
	return keys.GenerateMintKey(id, algorithm)
}

// checkIDs reports an id or tenant for which there is no key.
func (c *Credential) checkIDs(s *config.StandIn) error {
	token := slices.ContainsFunc(s.Tokens, func(t config.StaticToken) bool { return t.ID == c.ID })
	_, tenant := s.Tenants[c.Tenant]
	signs := func(k *keys.MintKey) bool { return k.ID == c.SignedBy }
	switch {
	case c.Raw != "":
		return nil
	case c.ID != "" && !token:
		return fmt.Errorf("there is no token %q", c.ID)
	case s.Tenants != nil && c.Tenant == "":
		return errors.New("tenant is missing: say whose key signs")
	case s.Tenants != nil && !tenant:
		return fmt.Errorf("there is no tenant %q", c.Tenant)
	case c.SignedBy != "" && c.SignedBy != stranger && !slices.ContainsFunc(c.keys(s), signs):
		return fmt.Errorf("there is no key %q", c.SignedBy)
	}
	return nil
}

// signing signs a request that carries [unsigned] before it is verified.
type signing struct {
	*authn.Signature
	key *keys.MintKey
}

// Verify implements [authn.Authenticator].
func (s *signing) Verify(ctx context.Context, c authn.Credential, at time.Time) (*authn.Verified, authn.CacheUse, error) {
	if c.Value == unsigned {
		var err error
		if c.Value, err = s.Sign(c.Request, s.key); err != nil {
			return nil, authn.NoCache, err
		}
	}
	return s.Signature.Verify(ctx, c, at)
}
