package main

import (
	"io"

	"github.com/spf13/cobra"

	"postern/config"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a configuration, for editors",
		Long: `Print the JSON Schema (draft 7) of a configuration. Editors with a language server for YAML complete and check
keys as they are written, where the first line of the configuration names the schema:

  # yaml-language-server: $schema=postern.schema.json

What is wrong between the parts of a file, postern check says alone.`,
		Example: "  postern schema > postern.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := io.WriteString(command.OutOrStdout(), config.Schema())
			return failed(err)
		},
	}
}
