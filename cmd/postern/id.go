package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/keys"
	"postern/policy"
)

func idCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "id",
		Short: "Make an opaque id of a customer, or read one",
		Example: `  postern id seal --config postern.yaml ann
  postern id open --config postern.yaml 8HwJ…`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_ = command.Help()
			return errors.New("name a command: seal or open")
		},
	}
	command.AddCommand(sealCommand(), openCommand())
	return command
}

func sealCommand() *cobra.Command {
	var tenant string
	command := &cobra.Command{
		Use:   "seal --config FILE [ID]",
		Short: "Make the opaque id of a customer id, which is read from the input where it is left out",
		Long: `Make the opaque id of a customer, as the reference opaque_id gives it, with the key of the configuration.
The id is a text, or an object of ids as JSON. It is read from the input where it is left out, where no other
user of the machine can see it.`,
		Example: `  postern id seal --config postern.yaml ann
  postern id seal --config postern.yaml '{"registered":"ann@example.com"}'`,
		Args: cobra.MaximumNArgs(1),
	}
	file := configFlag(command)
	command.Flags().StringVar(&tenant, "tenant", "", "the tenant of a key ring whose customer it is")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		ids, id, err := opaqueInput(command, *file, arguments)
		if err != nil {
			return err
		}
		customer := policy.OpaqueCustomer{Tenant: tenant, ID: string(id)}
		if ids, err := policy.ParseObject(id); err == nil {
			customer.ID = ids
		}
		text, ok := customer.Text()
		if !ok {
			return errors.New("this names no customer: use a text in UTF-8, or an object of texts and integers")
		}
		_, err = fmt.Fprintln(command.OutOrStdout(), ids.Seal(text))
		return failed(err)
	}
	return command
}

func openCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "open --config FILE [OPAQUE]",
		Short: "Read the customer id in an opaque id, which is read from the input where it is left out",
		Long: `Read the customer id in an opaque id, with the key of the configuration. The tenant of a key ring stands before
the id and a tab. An opaque id that was not made with the key, or was altered, is refused with exit code 1.
One that begins with a hyphen comes from the input, or after --.`,
		Example: "  postern id open --config postern.yaml 8HwJ…",
		Args:    cobra.MaximumNArgs(1),
	}
	file := configFlag(command)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		ids, opaque, err := opaqueInput(command, *file, arguments)
		if err != nil {
			return err
		}
		text, err := ids.Open(string(opaque))
		if err != nil {
			return failed(err)
		}
		customer, err := policy.ParseOpaqueCustomer(text)
		if err == nil {
			_, err = fmt.Fprintln(command.OutOrStdout(), customer)
		}
		return failed(err)
	}
	return command
}

func configFlag(command *cobra.Command) (file *string) {
	file = command.Flags().String("config", "", "the configuration file (required)")
	_ = command.MarkFlagRequired("config")
	return file
}

// maxIDBytes is more than any id in a header can have.
const maxIDBytes = 1 << 20

// opaqueInput returns what the configuration seals with, and the argument, or the
// input without the newline at its end.
func opaqueInput(command *cobra.Command, file string, arguments []string) (ids *keys.OpaqueIDs, input []byte, err error) {
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return nil, nil, err
	}
	if c.OpaqueIDs == nil {
		return nil, nil, fmt.Errorf("%s has no opaque_id: { key: … }", file)
	}
	if len(arguments) > 0 {
		input = []byte(arguments[0])
	} else if input, err = io.ReadAll(io.LimitReader(command.InOrStdin(), maxIDBytes+1)); err != nil {
		return nil, nil, failed(err)
	} else if line, ended := bytes.CutSuffix(input, []byte("\n")); ended {
		input = bytes.TrimSuffix(line, []byte("\r"))
	}
	switch {
	case len(input) == 0:
		return nil, nil, errors.New("the id is empty")
	case len(input) > maxIDBytes:
		return nil, nil, fmt.Errorf("the id is longer than %d bytes", maxIDBytes)
	}
	return c.OpaqueIDs, input, nil
}
