package authn

import (
	"crypto/sha256"
	"time"

	"postern/keys"
	"postern/policy"
)

// TokenSettings configure static tokens.
type TokenSettings struct {
	CarrierSettings `yaml:",inline"`
	// Tokens, or a file with the same list: exactly one of the two.
	Tokens     []StaticTokenSettings                  `yaml:"tokens"`
	TokensFile policy.Included[[]StaticTokenSettings] `yaml:"tokens_file"`
	// Basic says what of user:password a token is: the user, or the pair.
	Basic string `yaml:"basic" words:"user pair"`
	// CustomerID is the attribute that names a customer; without it the token
	// stands for an application.
	CustomerID policy.Reference `yaml:"customer_id"`
}

// StaticTokenSettings is one token.
type StaticTokenSettings struct {
	ID         string            `yaml:"id"`
	Value      keys.Value        `yaml:"value"`
	NotBefore  time.Time         `yaml:"not_before"`
	NotAfter   time.Time         `yaml:"not_after"`
	Attributes map[string]string `yaml:"attributes"`
}

// List returns the tokens, wherever they stand.
func (s *TokenSettings) List() []StaticTokenSettings {
	if s.Tokens != nil {
		return s.Tokens
	}
	return s.TokensFile.Content
}

// listPath returns where List stands.
func (s *TokenSettings) listPath(at policy.Path) policy.Path {
	if s.Tokens != nil {
		return at.At("tokens")
	}
	return at.At("tokens_file")
}

// Check reports what is wrong with the settings.
func (s *TokenSettings) Check(at policy.Path, problems *policy.Problems) {
	s.check(at, "", problems)
	s.checkBasic(at, problems)
	switch inFile := s.TokensFile.Path != ""; {
	case s.Tokens == nil && !inFile:
		problems.Addf(at, "tokens is missing: list them, or name a tokens_file")
	case s.Tokens != nil && inFile:
		problems.Addf(at.At("tokens_file"), "stands in place of tokens: use one or the other")
	}
	seen := map[string]bool{}
	for i, token := range s.List() {
		place := s.listPath(at).At(i)
		switch {
		case token.ID == "":
			problems.Addf(place, "id is missing")
		case seen[token.ID]:
			problems.Addf(place.At("id"), "the id %q stands twice", token.ID)
		}
		seen[token.ID] = true
		if !token.NotBefore.IsZero() && !token.NotAfter.IsZero() && !token.NotAfter.After(token.NotBefore) {
			problems.Addf(place.At("not_after"), "the token ends before it begins")
		}
		if s.CustomerID.Source == policy.Attribute && token.Attributes[s.CustomerID.Name] == "" {
			problems.Addf(place, "lacks the attribute %q, which customer_id names", s.CustomerID.Name)
		}
	}
	if !s.CustomerID.IsZero() && s.CustomerID.Source != policy.Attribute {
		problems.Addf(at.At("customer_id"), "a static token has no %s: use attributes.<name>", s.CustomerID)
	}
}

// Carriers returns where the credential may stand.
func (s *TokenSettings) Carriers() []Carrier { return s.carriers("") }

// Customer returns what names the customer, and whether an identity can be without.
func (s *TokenSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, false
}

// Listed returns the tokens.
func (s *TokenSettings) Listed() []keys.Listed {
	list := make([]keys.Listed, 0, len(s.List()))
	for _, t := range s.List() {
		list = append(list, keys.Listed{ID: t.ID, NotAfter: t.NotAfter, Attributes: t.Attributes})
	}
	return list
}

// NewToken resolves the settings' values and compiles the authenticator. What
// cannot be resolved is reported as problems; the result is then unusable.
func NewToken(name string, s *TokenSettings, load keys.Loader, at policy.Path, problems *policy.Problems) *Token {
	t := &Token{
		opaque:   opaque{s.carried("")},
		name:     name,
		basic:    s.Basic,
		byDigest: make(map[[sha256.Size]byte]*staticToken, len(s.List())),
	}
	if list := load.Lease(keys.DefaultMaxStale, s.TokensFile.Path); list != nil {
		t.leases = append(t.leases, list)
	}
	for i, settings := range s.List() {
		place := s.listPath(at).At(i, "value")
		digest, err := load.Digest(settings.Value)
		if err != nil {
			problems.Addf(place, "%v", err)
			continue
		}
		s.checkValue(settings.Value, load, place, problems)
		if other, taken := t.byDigest[digest]; taken {
			problems.Addf(place, "has the same value as %q", other.verified.SecretID)
			continue
		}
		lease := load.Lease(keys.DefaultMaxStale, s.TokensFile.Path, settings.Value.File)
		if settings.Value.File != "" {
			t.leases = append(t.leases, lease)
		}
		t.byDigest[digest] = t.newStaticToken(s, &settings, digest, lease)
	}
	return t
}

func (t *Token) newStaticToken(s *TokenSettings, settings *StaticTokenSettings, digest [sha256.Size]byte, lease *keys.Lease) *staticToken {
	id := policy.Identity{
		Level:         policy.Application,
		Attributes:    settings.Attributes,
		Authenticator: t.name,
		CredentialID:  settings.ID,
		ExpiresAt:     settings.NotAfter,
	}
	if s.CustomerID.Source == policy.Attribute {
		id.Level, id.Customer = policy.Customer, settings.Attributes[s.CustomerID.Name]
	}
	token := &staticToken{digest: digest}
	token.verified = &Verified{
		Identity: id, SecretID: settings.ID, by: t, proof: token, lease: lease, notBefore: settings.NotBefore, expires: settings.NotAfter,
	}
	return token
}
