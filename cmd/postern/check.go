package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/policy"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Validate a configuration: print every error, or the routes",
		Example: "  postern check postern.yaml",
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: completeConfig,
		RunE: func(command *cobra.Command, arguments []string) error {
			c, err := config.Load(arguments[0], os.LookupEnv)
			if err != nil {
				return err
			}
			now := time.Now()
			for _, warning := range c.Warnings(now) {
				fmt.Fprintln(command.ErrOrStderr(), "warning:", warning)
			}
			return failed(printRoutes(command.OutOrStdout(), c.Routes, now))
		},
	}
}

// printRoutes shows what a request on each route is held to at a time.
func printRoutes(out io.Writer, routes []*policy.Route, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROUTE\tMATCH\tAUTHENTICATE\tCONSISTENCY\tUPSTREAM")
	for _, r := range routes {
		rules := make([]string, 0, len(r.Rules))
		for i := range r.Rules {
			rules = append(rules, r.Rules[i].String())
		}
		for i := range max(len(r.Patterns), len(rules)) {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
				onlyFirst(i, describeName(r, now)), nth(i, r.Patterns), onlyFirst(i, describeAlternatives(r)),
				nth(i, rules), onlyFirst(i, r.Upstream))
		}
	}
	return table.Flush()
}

// describeName writes the name, and whether the route refuses anything.
func describeName(r *policy.Route, now time.Time) string {
	switch {
	case !r.Report:
		return r.Name
	case r.ReportUntil.IsZero():
		return r.Name + " (only reports)"
	case r.Reports(now):
		return r.Name + " (only reports until " + r.ReportUntil.Format(time.DateOnly) + ")"
	}
	return r.Name + " (enforces since " + r.ReportUntil.Format(time.DateOnly) + ")"
}

// describeAlternatives writes groups with a plus sign.
func describeAlternatives(r *policy.Route) string {
	names := make([]string, 0, len(r.Alternatives))
	for _, group := range r.Alternatives {
		names = append(names, policy.GroupName(group))
	}
	return strings.Join(names, ", ")
}

func onlyFirst(i int, text string) string {
	if i == 0 {
		return text
	}
	return ""
}

func nth[T any](i int, list []T) string {
	if i < len(list) {
		return fmt.Sprint(list[i])
	}
	return ""
}
