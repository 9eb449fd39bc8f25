package policytest

import (
	"fmt"
	"strings"
)

// Report is what came of the cases of a file.
type Report struct {
	File  string   `json:"file"`
	Cases []Result `json:"cases"`

	coverage *Coverage
}

// Result is what came of a case.
type Result struct {
	Name     string    `json:"name"`
	Line     int       `json:"line"`
	Passed   bool      `json:"passed"`
	Outcome  *Outcome  `json:"outcome"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one thing that came out otherwise than the file says at a place.
type Failure struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// result compares what came of a case with what was expected.
func (s *Suite) result(t *trial, o *Outcome) Result {
	r := Result{Name: t.Name, Line: s.file.places.At(t.path.At("name"), "").Line, Passed: true, Outcome: o}
	for _, d := range t.Expect.compare(o) {
		e := s.file.places.At(t.path.At("expect").At(d.at...), d.message)
		r.Failures, r.Passed = append(r.Failures, Failure{e.Line, e.Column, e.Message}), false
	}
	return r
}

// failed returns how many cases came out otherwise than expected.
func (r *Report) failed() (n int) {
	for i := range r.Cases {
		if !r.Cases[i].Passed {
			n++
		}
	}
	return n
}

// print writes a line for each case, in the way of go test, and under it what
// differs.
func (r *Report) print(b *strings.Builder) {
	for _, c := range r.Cases {
		verdict := "PASS"
		if !c.Passed {
			verdict = "FAIL"
		}
		fmt.Fprintf(b, "--- %s: %s\n", verdict, c.Name)
		for _, f := range c.Failures {
			fmt.Fprintf(b, "    %s:%d:%d: %s\n", r.File, f.Line, f.Column, f.Message)
		}
	}
	switch failed := r.failed(); failed {
	case 0:
		fmt.Fprintf(b, "ok\t%s\t%d passed\n", r.File, len(r.Cases))
	default:
		fmt.Fprintf(b, "FAIL\t%s\t%d passed, %d failed\n", r.File, len(r.Cases)-failed, failed)
	}
}
