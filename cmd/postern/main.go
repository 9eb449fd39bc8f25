// Postern is an authentication sidecar: a reverse proxy that lets a customer's
// request through to a chat or data backend only with the right credential, and
// tells the backend who the customer is. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes; nothing else is ever returned.
const (
	exitDone   = 0
	exitFailed = 1 // a check or test failed, or the machine did
	exitUsage  = 2 // wrong usage or configuration
)

// failure is an error that is no wrong usage or configuration.
type failure struct{ error }

// Unwrap returns the cause.
func (f failure) Unwrap() error { return f.error }

// failed wraps an error of the machine or of a check that did not hold.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return failure{err}
}

// rootCommand holds all commands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "postern",
		Short:         "An authentication sidecar for chat and data backends",
		Example:       "  postern demo\n  postern check postern.yaml\n  postern serve --config postern.yaml",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_ = command.Help()
			return errors.New("name a command")
		},
	}
	root.AddCommand(
		serveCommand(), checkCommand(), explainCommand(), testCommand(), tokenCommand(), demoCommand(), idCommand(),
		schemaCommand(), secretCommand(), versionCommand(),
	)
	addCompletions(root)
	return root
}

// run is the whole program: it takes the arguments after the program's name
// and returns its exit code.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, err)
	if _, ok := errors.AsType[failure](err); ok {
		return exitFailed
	}
	return exitUsage
}
