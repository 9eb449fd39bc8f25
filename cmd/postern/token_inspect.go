package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/cmd/postern/anatomy"
)

func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Show a token's parts and what is wrong with them, without verifying it",
		Long: `Show the header and the claims of a JWT, when it was issued and ends, and everything that keeps a verifier from
taking it. Nothing is verified, no key is looked up and nothing is sent anywhere; the signature is not shown. The
token is read from the input where it is left out, or is -, where no other user of the machine can see it.`,
		Example: `  postern token inspect eyJhbGciOi…
  pbpaste | postern token inspect -`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			token, err := readToken(command, arguments)
			if err != nil {
				return err
			}
			return failed(printAnatomy(command.OutOrStdout(), anatomy.Dissect(token, time.Now())))
		},
	}
}

// printAnatomy writes what a token holds.
func printAnatomy(w io.Writer, a *anatomy.Anatomy) error {
	var b strings.Builder
	for _, part := range []struct{ name, text string }{{"header", a.Header}, {"claims", a.Claims}} {
		if part.text != "" {
			fmt.Fprintf(&b, "%s %s\n", part.name, part.text)
		}
	}
	if a.SignatureBytes > 0 {
		fmt.Fprintf(&b, "signature of %d bytes\n", a.SignatureBytes)
	}
	for _, moment := range a.Times {
		fmt.Fprintf(&b, "%s %s, %s\n", moment.Name, moment.At.UTC().Format(time.RFC3339), moment.Relative)
	}
	for _, problem := range a.Problems {
		fmt.Fprintf(&b, "problem: %s\n", problem)
	}
	if len(a.Problems) == 0 {
		b.WriteString("no problem is visible\n")
	}
	b.WriteString("Nothing was verified: anybody can write such a token.\n")
	_, err := io.WriteString(w, b.String())
	return err
}
