package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"postern/authn"
	"postern/keys"
	"postern/metrics"
	"postern/policy"
)

func verifyCommand() *cobra.Command {
	var v verifying
	command := &cobra.Command{
		Use:   "verify --config FILE --authenticator NAME [TOKEN]",
		Short: "Verify a token and print its identity, or say why it is refused",
		Long: `Verify a token as an authenticator of the configuration does, and print the identity that it proves, as JSON. A token
that is refused is exit code 1, with the reason. It is read from the input where it is left out, or is -, where no
other user of the machine can see it.

Remote keys come from --jwks, or from the last good copy in state_dir, or are fetched once.`,
		Example: `  postern token verify --config postern.yaml --authenticator customer-token eyJhbGciOi…
  pbpaste | postern token verify --config postern.yaml --authenticator customer-token --jwks keys.json -`,
		Args: cobra.MaximumNArgs(1),
	}
	v.flags(command, "what of the request selects the tenant of a key ring")
	command.Flags().StringVar(&v.jwks, "jwks", "", "a file with the JWK set of the remote source")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		token, err := readToken(command, arguments)
		if err != nil {
			return err
		}
		identity, err := v.verify(command.Context(), token, time.Now(), command.ErrOrStderr())
		if err != nil {
			return err
		}
		return failed(printIdentity(command.OutOrStdout(), identity))
	}
	return command
}

// verifying verifies a token.
type verifying struct {
	tokenUse
	jwks string
}

func (v *verifying) verify(ctx context.Context, token string, at time.Time, warnings io.Writer) (*policy.Identity, error) {
	c, a, err := v.load()
	if err != nil {
		return nil, err
	}
	if a.JWT == nil && a.Token == nil {
		return nil, fmt.Errorf("%s needs more than the token to verify it: only the types jwt and token do not", v.name)
	}
	settings, remote := c.Remotes[v.name]
	if v.jwks != "" && !remote {
		return nil, fmt.Errorf("%s has no remote source of keys, which --jwks could stand for", v.name)
	}
	o := offline{keys: map[string]authn.KeySet{}}
	if remote {
		set, stop, err := v.remoteKeys(ctx, settings, at, slog.New(slog.NewTextHandler(warnings, &slog.HandlerOptions{Level: slog.LevelWarn})))
		if err != nil {
			return nil, err
		}
		defer stop()
		o.keys[v.name] = set
	}
	verified, _, err := o.authenticators(c)[v.name].Verify(ctx, authn.Credential{Value: token, Request: tenantOf(v.tenant)}, at)
	switch {
	case policy.ReasonOf(err).Unavailable():
		return nil, failed(fmt.Errorf("cannot be verified: %w", err))
	case err != nil:
		return nil, failed(fmt.Errorf("refused: %w", err))
	}
	return &verified.Identity, nil
}

// remoteKeys returns the keys of a remote source, which is asked only where they
// are known from nowhere else, and until stop.
func (v *verifying) remoteKeys(
	ctx context.Context, s keys.RemoteSettings, at time.Time, log *slog.Logger,
) (set authn.KeySet, stop func(), err error) {
	if v.jwks != "" {
		document, err := keys.Loader{}.File(v.jwks)
		if err != nil {
			return nil, nil, err
		}
		known, err := keys.NewOffline(s, document)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", v.jwks, err)
		}
		return known, func() {}, nil
	}
	switch last, err := keys.NewOfflineCopy(v.name, s, at); {
	case err != nil:
		log.Warn("the last good copy is ignored", "source", v.name, "cause", err.Error())
	case last.Len() > 0:
		return last, func() {}, nil
	}
	s.StateDir = "" // the copy is the server's
	b := thisBuild()
	fetched := keys.NewRemote(v.name, s, metrics.New(b.version, b.goVersion), log)
	fetched.Start()
	if err := fetched.WaitFirst(ctx); err != nil {
		fetched.Stop()
		return nil, nil, failed(err)
	}
	return fetched, fetched.Stop, nil
}

// printIdentity writes an identity as JSON, without what it lacks.
func printIdentity(w io.Writer, i *policy.Identity) error {
	shown := struct {
		Authenticator string            `json:"authenticator"`
		Level         string            `json:"level"`
		Customer      any               `json:"customer_id,omitempty"`
		Tenant        string            `json:"tenant,omitempty"`
		Issuer        string            `json:"issuer,omitempty"`
		TokenID       string            `json:"token_id,omitempty"`
		CredentialID  string            `json:"credential_id,omitempty"`
		ExpiresAt     time.Time         `json:"expires_at,omitzero"`
		Attributes    map[string]string `json:"attributes,omitempty"`
		Claims        map[string]any    `json:"claims,omitempty"`
	}{
		i.Authenticator, i.Level.String(), i.Customer, i.Tenant, i.Issuer, i.TokenID, i.CredentialID, i.ExpiresAt.UTC(), i.Attributes, i.Claims,
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(shown)
}
