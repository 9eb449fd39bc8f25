package main

import "github.com/spf13/cobra"

// addCompletions says what a shell offers for the flags and arguments of all
// commands: nothing, rather than any file, where they do not say so themselves.
func addCompletions(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	completeFlags(root, map[string]cobra.CompletionFunc{
		"config": completeConfig,
		"log":    cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	})
}

// completeFlags registers the completions of flags by their names, which mean the
// same for each command that has them.
func completeFlags(command *cobra.Command, completions map[string]cobra.CompletionFunc) {
	for name, complete := range completions {
		if command.Flags().Lookup(name) != nil {
			_ = command.RegisterFlagCompletionFunc(name, complete) // the flag is there, and new
		}
	}
	for _, sub := range command.Commands() {
		completeFlags(sub, completions)
	}
}

// completeConfig offers the files that can be a configuration.
func completeConfig(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
