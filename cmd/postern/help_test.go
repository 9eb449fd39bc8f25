package main

import (
	"iter"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that does something shows how, with commands that are understood.
func TestExamplesOfCommands(t *testing.T) {
	root := rootCommand()
	for command := range all(root) {
		if command.Example == "" {
			if !command.HasSubCommands() {
				t.Errorf("%s has no example", command.CommandPath())
			}
			continue
		}
		for _, arguments := range invocations(t, command.Example) {
			found, rest, err := root.Find(arguments)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateRequiredFlags()
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil || !found.Runnable() {
				t.Errorf("%s: %q: %v", command.CommandPath(), arguments, err)
			}
		}
	}
}

// all yields a command and those below it.
func all(c *cobra.Command) iter.Seq[*cobra.Command] {
	return func(yield func(*cobra.Command) bool) {
		open := []*cobra.Command{c}
		for len(open) > 0 && yield(open[0]) {
			open = append(open[1:], open[0].Commands()...)
		}
	}
}

// invocations returns the arguments that a shell gives to each postern of a script,
// in which every other command does nothing.
func invocations(t *testing.T, script string) (list [][]string) {
	t.Helper()
	const prelude = `
postern() { printf '%s\n' "$@" '' >&2; }
curl() { :; }
pbpaste() { :; }
`
	command := exec.CommandContext(t.Context(), "sh", "-euc", prelude+script)
	command.Dir = t.TempDir()
	var seen strings.Builder
	command.Stderr = &seen
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &seen)
	}
	for invocation := range strings.SplitSeq(strings.TrimSpace(seen.String()), "\n\n") {
		list = append(list, strings.Split(invocation, "\n"))
	}
	return list
}
