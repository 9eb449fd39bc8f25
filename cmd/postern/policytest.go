package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"postern/cmd/postern/policytest"
	"postern/config"
	"postern/gate"
)

func testCommand() *cobra.Command {
	var run policyRun
	command := &cobra.Command{
		Use:   "test FILE…",
		Short: "Run the tests of a policy",
		Long:  policyTestHelp,
		Example: `  postern test postern_test.yaml
  postern test --run 'inbox' --json postern_test.yaml
  postern test --require-coverage examples/*/*_test.yaml`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeConfig,
	}
	pattern := command.Flags().String("run", "", "run only the cases whose name matches this regular expression")
	command.Flags().BoolVar(&run.requireCoverage, "require-coverage", false, "fail where a route or an authenticator is tried by no case")
	command.Flags().BoolVar(&run.json, "json", false, "print one JSON object")
	command.RunE = func(command *cobra.Command, arguments []string) (err error) {
		if *pattern != "" {
			if run.requireCoverage {
				return errors.New("--run leaves cases out, and --require-coverage wants them all")
			}
			if run.match, err = regexp.Compile(*pattern); err != nil {
				return fmt.Errorf("--run: %w", err)
			}
		}
		return run.files(command.Context(), arguments, command.OutOrStdout())
	}
	return command
}

// policyRun is one run of policy test files.
type policyRun struct {
	match           *regexp.Regexp // nil for all cases
	requireCoverage bool
	json            bool
}

// files runs files of which none has faults.
func (p *policyRun) files(ctx context.Context, names []string, out io.Writer) error {
	now := time.Now()
	var suites []*policytest.Suite
	var faults []error
	told := map[string]bool{}
	for _, name := range names {
		file, err := policytest.Read(name)
		if err == nil {
			var suite *policytest.Suite
			if suite, err = file.Prepare(rehearsedGate, now); err == nil {
				suites = append(suites, suite)
			}
		}
		if err != nil && !told[err.Error()] { // files may share a configuration
			told[err.Error()] = true
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	var reports []*policytest.Report
	for _, s := range suites {
		reports = append(reports, s.Run(ctx, p.match))
	}
	summary := policytest.Summarize(reports)
	if p.match != nil {
		summary.NotTried = summary.NotTried[:0] // the others were left out on purpose
	}
	print := summary.Print
	if p.json {
		print = summary.PrintJSON
	}
	if err := print(out); err != nil {
		return failed(err)
	}
	switch {
	case summary.Passed+summary.Failed == 0:
		return errors.New("no case has a name that matches --run")
	case summary.Failed > 0:
		return failed(fmt.Errorf("%d of %d cases failed", summary.Failed, summary.Passed+summary.Failed))
	case p.requireCoverage && len(summary.NotTried) > 0:
		return failed(errors.New("not all routes and authenticators are tried"))
	}
	return nil
}

// rehearsedGate is the gate of serve, with other parts.
func rehearsedGate(c *config.Config, p policytest.Parts) *gate.Gate {
	return (&offline{keys: p.Keys, services: p.Services, instead: p.Instead}).newGate(c)
}
