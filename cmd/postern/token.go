package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/policy"
)

func tokenCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "token",
		Short: "Make a test token, verify one, or show what is wrong with one",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_ = command.Help()
			return errors.New("name a command: mint, verify or inspect")
		},
	}
	command.AddCommand(mintCommand(), verifyCommand(), inspectCommand())
	return command
}

// tokenUse is what mint and verify have in common: an authenticator of a
// configuration.
type tokenUse struct {
	file, name, tenant string
}

func (u *tokenUse) flags(command *cobra.Command, tenant string) {
	flags := command.Flags()
	flags.StringVar(&u.file, "config", "", "the configuration file (required)")
	flags.StringVar(&u.name, "authenticator", "", "the authenticator that the token is for (required)")
	flags.StringVar(&u.tenant, "tenant", "", tenant)
	_ = command.MarkFlagRequired("config")
	_ = command.MarkFlagRequired("authenticator")
}

// load reads the configuration and finds the authenticator in it.
func (u *tokenUse) load() (*config.Config, config.Authenticator, error) {
	c, err := config.Load(u.file, os.LookupEnv)
	if err != nil {
		return nil, config.Authenticator{}, err
	}
	a, known := c.Authenticators[u.name]
	if !known {
		return nil, a, fmt.Errorf("%s has no authenticator %q", u.file, u.name)
	}
	if _, hasRing := c.Rings[u.name]; u.tenant != "" && !hasRing {
		return nil, a, fmt.Errorf("%s has no key ring, and --tenant says nothing", u.name)
	}
	return c, a, nil
}

// tenantOf is a request that names a tenant, wherever a key ring looks for it, and
// nothing else.
type tenantOf string

// Texts implements authn.Request.
func (t tenantOf) Texts(policy.Reference) ([]string, error) {
	if t == "" {
		return nil, nil
	}
	return []string{string(t)}, nil
}

// RawBody implements authn.Request.
func (tenantOf) RawBody() ([]byte, error) { return nil, nil }

// maxTokenInput is more than any token has that is looked at.
const maxTokenInput = 1 << 20

// readToken returns the argument, or what the input holds where there is none or it
// is a hyphen, without white space around it.
func readToken(command *cobra.Command, arguments []string) (string, error) {
	if len(arguments) > 0 && arguments[0] != "-" {
		return strings.TrimSpace(arguments[0]), nil
	}
	input, err := io.ReadAll(io.LimitReader(command.InOrStdin(), maxTokenInput+1))
	switch token := string(bytes.TrimSpace(input)); {
	case err != nil:
		return "", failed(err)
	case len(input) > maxTokenInput:
		return "", fmt.Errorf("the token is longer than %d bytes", maxTokenInput)
	case token == "":
		return "", errors.New("the token is empty")
	default:
		return token, nil
	}
}
