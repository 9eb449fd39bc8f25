package policytest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Summary is what came of several files.
type Summary struct {
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Reports []*Report `json:"files"`
	// NotTried are the configurations of which the cases have left something out. It
	// is known once every report was added.
	NotTried []*Coverage `json:"not_tried"`
}

// Summarize puts reports together.
func Summarize(reports []*Report) *Summary {
	s := &Summary{Reports: reports, NotTried: []*Coverage{}}
	for _, r := range reports {
		failed := r.failed()
		s.Failed += failed
		s.Passed += len(r.Cases) - failed
		i := slices.IndexFunc(s.NotTried, func(c *Coverage) bool { return c.realConfig == r.coverage.realConfig })
		if i < 0 {
			s.NotTried = append(s.NotTried, r.coverage)
		} else {
			s.NotTried[i].add(r.coverage)
		}
	}
	s.NotTried = slices.DeleteFunc(s.NotTried, (*Coverage).complete)
	return s
}

// Print writes the summary for people.
func (s *Summary) Print(w io.Writer) error {
	var b strings.Builder
	for _, r := range s.Reports {
		r.print(&b)
	}
	for _, c := range s.NotTried {
		for _, name := range missing(c.routes, c.triedRoutes) {
			fmt.Fprintf(&b, "not tried: route %s of %s\n", name, c.config)
		}
		for _, name := range missing(c.authenticators, c.triedAuthenticators) {
			fmt.Fprintf(&b, "not tried: authenticator %s of %s\n", name, c.config)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// PrintJSON writes the summary for programs.
func (s *Summary) PrintJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(s)
}
