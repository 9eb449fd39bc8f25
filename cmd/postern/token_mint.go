package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/authn"
	"postern/config"
	"postern/keys"
	"postern/policy"
)

func mintCommand() *cobra.Command {
	var m minting
	command := &cobra.Command{
		Use:   "mint --config FILE --authenticator NAME",
		Short: "Make a test token and print it",
		Long: `Make a JWT that an authenticator of the configuration accepts, and print nothing else. It is signed with the
configured shared secret, or with the private key of --key where the configuration has only public ones. What the
configuration asks for by value is filled in: alg, kid, typ, iss, aud, scope, fixed claims, iat and exp. A token that
the authenticator would refuse is not printed, and exit code 1 says why, unless --force is given.`,
		Example: `  postern token mint --config postern.yaml --authenticator widget-token --claim external_id=42 --claim email=a@example.com
  postern token mint --config postern.yaml --authenticator customer-token --key private.pem --kid 2026 --claim 'sub={"registered":"ada"}'
  postern token mint --config postern.yaml --authenticator project-token --tenant acme --claim identity.roles='["editor"]' --ttl 1m
  curl -H "Authorization: JWT $(postern token mint --config postern.yaml --authenticator widget-token --ttl -5m --force)" localhost:8080`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			m.ttlGiven = command.Flags().Changed("ttl")
			token, err := m.mint(command.Context(), time.Now())
			if err == nil {
				_, err = fmt.Fprintln(command.OutOrStdout(), token)
				err = failed(err)
			}
			return err
		},
	}
	m.flags(command, "the tenant of a key ring whose secret signs")
	flags := command.Flags()
	flags.StringArrayVar(&m.claims, "claim", nil, "a claim as path=value; the value is JSON where it parses, and else a text; null removes one")
	flags.DurationVar(&m.ttl, "ttl", 5*time.Minute, "how long the token lives, max_lifetime at most unless it is given; a negative one has ended that long ago")
	flags.StringVar(&m.key, "key", "", "a file with the private key that signs, in PEM or as a JWK")
	flags.StringVar(&m.kid, "kid", "", "the id of the key, where the configuration or the JWK does not tell")
	flags.BoolVar(&m.force, "force", false, "print the token also where it would be refused")
	return command
}

// minting makes a token.
type minting struct {
	tokenUse
	claims   []string
	ttl      time.Duration
	ttlGiven bool
	key, kid string
	force    bool
}

func (m *minting) mint(ctx context.Context, at time.Time) (token string, err error) {
	c, a, err := m.load()
	if err != nil {
		return "", err
	}
	if a.JWT == nil {
		return "", fmt.Errorf("%s is not of type jwt, and only of that tokens can be made", m.name)
	}
	signer, err := m.signer(c, at)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(a.JWT.Algorithms, signer.Fits) {
		return "", fmt.Errorf("the key fits no algorithm of %s: %s", m.name, strings.Join(a.JWT.Algorithms, ", "))
	}
	draft, err := m.draft(a.JWT, signer, at)
	if err != nil {
		return "", err
	}
	if token, err = draft.Sign(signer); err != nil {
		return "", failed(err)
	}
	if !m.force {
		if err := m.try(ctx, c, signer, token, at); err != nil {
			return "", failed(fmt.Errorf("%s would refuse the token: %w", m.name, err))
		}
	}
	return token, nil
}

// draft puts the claims together.
func (m *minting) draft(s *authn.JWTSettings, signer *keys.MintKey, at time.Time) (authn.Draft, error) {
	issued, ttl := at, m.ttl
	if limit := s.MaxLifetime; limit != nil && !m.ttlGiven {
		ttl = min(ttl, limit.Std())
	}
	if ttl <= 0 {
		issued = at.Add(ttl - time.Minute) // what has ended was once good
	}
	draft := s.Draft(signer, issued, at.Add(ttl).Sub(issued))
	if m.tenant != "" && s.Keys.Select.ByClaim() {
		if err := s.Keys.Select.Reference().Path.Set(draft.Claims, m.tenant); err != nil {
			return draft, err
		}
	}
	for _, claim := range m.claims {
		name, text, found := strings.Cut(claim, "=")
		path, err := policy.ParseClaimPath(name)
		if !found || err != nil {
			return draft, fmt.Errorf("--claim %s: wants path=value, such as sub=42 or identity.id=42", name)
		}
		value := claimValue(text)
		if name := path.Member(); value == nil && name != "" {
			delete(draft.Claims, name)
		} else if err := path.Set(draft.Claims, value); err != nil {
			return draft, fmt.Errorf("--claim %w", err)
		}
	}
	return draft, nil
}

// claimValue reads JSON, and any other text as that text.
func claimValue(text string) (value any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return text
	}
	if _, err := d.Token(); err != io.EOF {
		return text
	}
	return value
}

// signer returns the key that signs.
func (m *minting) signer(c *config.Config, at time.Time) (signer *keys.MintKey, err error) {
	settings := &c.Authenticators[m.name].JWT.Keys
	switch {
	case !settings.Symmetric():
		return m.privateKey(c)
	case m.key != "":
		return nil, fmt.Errorf("%s has shared secrets: --key is for public keys", m.name)
	case settings.IsKeyring() && m.tenant == "":
		return nil, fmt.Errorf("%s has a key ring: --tenant says whose secret signs", m.name)
	case settings.IsKeyring():
		signer = c.Rings[m.name].MintKey(m.tenant, m.kid, at)
	default:
		signer = c.StaticKeys[m.name].MintKey(m.kid, at)
	}
	if signer == nil {
		return nil, fmt.Errorf("%s has no such secret that is valid now", m.name)
	}
	return signer, nil
}

func (m *minting) privateKey(c *config.Config) (*keys.MintKey, error) {
	if m.key == "" {
		return nil, fmt.Errorf("%s has public keys: --key names a file with a private one", m.name)
	}
	data, err := keys.Loader{}.File(m.key)
	if err != nil {
		return nil, err
	}
	signer, err := keys.ParseMintKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.key, err)
	}
	if set := c.StaticKeys[m.name]; set != nil {
		if id, ok := set.Holds(signer); ok {
			signer.ID = id
		}
	}
	signer.ID = cmp.Or(m.kid, signer.ID)
	return signer, nil
}

// try has the authenticator verify the token. The keys of a remote source are not
// known here: what the private key has signed counts.
func (m *minting) try(ctx context.Context, c *config.Config, signer *keys.MintKey, token string, at time.Time) error {
	o := offline{keys: map[string]authn.KeySet{}}
	if c.Authenticators[m.name].JWT.Keys.IsRemote() {
		set, err := keys.MintSet([]*keys.MintKey{signer})
		if err != nil {
			return err
		}
		o.keys[m.name] = set
	}
	_, _, err := o.authenticators(c)[m.name].Verify(ctx, authn.Credential{Value: token, Request: tenantOf(m.tenant)}, at)
	return err
}
