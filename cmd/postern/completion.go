package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/policy"
)

// addCompletions says what a shell offers for the flags and arguments of all
// commands: nothing, rather than any file, where they do not say so themselves.
func addCompletions(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	files := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	completeFlags(root, map[string]cobra.CompletionFunc{
		"authenticator": completeAuthenticator,
		"cert":          files,
		"config":        completeConfig,
		"expect":        cobra.FixedCompletions(verdicts(), cobra.ShellCompDirectiveNoFileComp),
		"jwks":          files,
		"key":           files,
		"log":           files,
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

// completeAuthenticator offers those of the configuration that --config names, which
// need not find its secrets.
func completeAuthenticator(command *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	r, err := config.Rehearse(command.Flag("config").Value.String(), nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(r.Authenticators)), cobra.ShellCompDirectiveNoFileComp
}

// verdicts are what an explanation can be expected to say.
func verdicts() []cobra.Completion {
	list := []cobra.Completion{"allow", "deny", "report_deny"}
	for _, reason := range policy.Reasons() {
		list = append(list, reason.String())
	}
	return list
}
