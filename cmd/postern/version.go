package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = ""

// build is what the program knows of itself.
type build struct{ version, commit, goVersion string }

func thisBuild() build {
	b := build{version: version, commit: "unknown", goVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if b.version == "" {
		b.version = "devel"
		if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			b.version = info.Main.Version
		}
	}
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.commit = setting.Value
		}
	}
	return b
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit and the Go version",
		Example: "  postern version",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			b := thisBuild()
			_, err := fmt.Fprintf(command.OutOrStdout(), "postern %s (commit %s, %s)\n", b.version, b.commit, b.goVersion)
			return failed(err)
		},
	}
}
