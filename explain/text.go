package explain

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"postern/policy"
)

// WriteText writes the report for people, with colours where the terminal has them.
func (r *Report) WriteText(w io.Writer, colours bool) error {
	t := &text{colours: colours}
	r.Request.write(t)
	r.writeRoute(t)
	if len(r.Alternatives) > 0 {
		t.title("Alternatives")
		for i := range r.Alternatives {
			r.Alternatives[i].write(t)
		}
	}
	if len(r.Steps) > 0 {
		t.title("Checks")
		writeSteps(t, r.Steps)
	}
	r.writeVerdict(t)
	if r.Answer != nil {
		t.title("The client gets")
		t.line("", fmt.Sprintf("%d %s", r.Answer.Status, http.StatusText(r.Answer.Status)))
		t.lines("", r.Answer.Header)
	}
	if r.Upstream != nil {
		r.Upstream.write(t)
	}
	_, err := r.scrub.writeTo(w, t.String())
	return err
}

// text is a page that grows line by line.
type text struct {
	strings.Builder
	colours bool
}

// colour is a sequence of ECMA-48 that terminals know.
type colour string

const (
	plain colour = ""
	bold  colour = "\x1b[1m"
	faint colour = "\x1b[2m"
	red   colour = "\x1b[31m"
	green colour = "\x1b[32m"
	amber colour = "\x1b[33m"
	reset colour = "\x1b[0m"
)

func (t *text) painted(c colour, s string) string {
	if s = policy.Printable(s); !t.colours || c == plain {
		return s
	}
	return string(c) + s + string(reset)
}

func (t *text) title(s string) { t.WriteString("\n" + t.painted(bold, s) + "\n") }

// line writes a mark and what it is about, below a title.
func (t *text) line(mark, s string) { t.paintedLine(plain, mark, s) }

func (t *text) paintedLine(c colour, mark, s string) {
	if mark != "" {
		mark = fmt.Sprintf("%-4s  ", mark)
	}
	t.WriteString("  " + t.painted(c, mark) + policy.Printable(s) + "\n")
}

func (t *text) lines(mark string, list []string) {
	for _, s := range list {
		t.line(mark, s)
	}
}

func (q *RequestReport) write(t *text) {
	t.WriteString(t.painted(bold, q.Method+" "+q.Target) + "\n")
	t.line("", "Host: "+q.Host)
	t.lines("", q.Header)
	if q.Body > 0 {
		t.line("", fmt.Sprintf("with a body of %d bytes", q.Body))
	}
	t.line("", "at "+q.Time.Format(time.RFC3339))
}

func (r *Report) writeRoute(t *text) {
	if r.Route == nil && len(r.Neighbours) == 0 {
		return
	}
	t.title("Route")
	if r.Route != nil {
		t.paintedLine(green, "yes", named(r.Route.Name, r.Route.Pattern))
		if r.Route.Mode == "report" {
			t.line("    ", "the route only reports what it would refuse")
		}
	}
	for _, n := range r.Neighbours {
		t.paintedLine(faint, "no", named(n.Route, n.Pattern)+": "+n.Why)
	}
}

// named writes a pattern after the name of its route, where that is another word.
func named(name, pattern string) string {
	if name == pattern {
		return pattern
	}
	return name + ", " + pattern
}

func (a *AlternativeReport) write(t *text) {
	mark, c := "no", faint
	if a.Chosen {
		mark, c = "yes", green
	}
	t.paintedLine(c, mark, a.Name+": "+a.Why)
	for _, credential := range a.Credentials {
		places := strings.Join(credential.Places, ", or ")
		switch {
		case credential.Found && credential.Why != "":
			t.line("    ", fmt.Sprintf("%s: found, %s: %s", credential.Authenticator, places, credential.Why))
		case credential.Found:
			t.line("    ", fmt.Sprintf("%s: found, %s, %d bytes", credential.Authenticator, places, credential.Bytes))
		default:
			t.line("    ", fmt.Sprintf("%s: not found, %s", credential.Authenticator, cmp.Or(credential.Why, places)))
		}
		for _, claim := range credential.Unverified {
			t.line("    ", "  unverified: "+claim)
		}
	}
}

// writeSteps writes checks that passed and compared nothing on one line.
func writeSteps(t *text, steps []StepReport) {
	for len(steps) > 0 {
		n := slices.IndexFunc(steps, func(s StepReport) bool { return !s.isPlain() || s.Authenticator != steps[0].Authenticator })
		if n < 0 {
			n = len(steps)
		}
		if n == 0 {
			steps[0].write(t)
			n = 1
		} else {
			words := make([]string, n)
			for i := range words {
				words[i] = string(steps[i].Check)
			}
			t.paintedLine(green, "ok", steps[0].prefix()+strings.Join(words, ", "))
		}
		steps = steps[n:]
	}
}

func (s *StepReport) isPlain() bool {
	return s.Outcome == passed && len(s.Compared) == 0 && s.Keys == "" && s.Rule == ""
}

func (s *StepReport) prefix() string {
	if s.Authenticator == "" {
		return ""
	}
	return s.Authenticator + ": "
}

func (s *StepReport) write(t *text) {
	mark, c := "ok", green
	switch s.Outcome {
	case denied:
		mark, c = "DENY", red
	case skipped:
		mark, c = "skip", faint
	}
	name := s.prefix() + string(s.Check)
	if s.Rule != "" {
		name += ": " + s.Rule
	}
	t.paintedLine(c, mark, name)
	for _, sentence := range s.Compared {
		if s.Unverified {
			sentence += " (unverified)"
		}
		t.line("    ", "  "+sentence)
	}
	if s.Keys != "" {
		t.line("    ", "  "+s.Keys)
	}
}

func (r *Report) writeVerdict(t *text) {
	t.title("Verdict")
	c := map[string]colour{Allow: green, Deny: red, ReportDeny: amber}[r.Verdict.Decision]
	t.WriteString("  " + t.painted(c, r.Verdict.String()) + "\n")
	if r.Verdict.Detail != "" {
		t.line("", r.Verdict.Detail)
	}
	if r.Verdict.DependsOn != "" {
		t.paintedLine(amber, "", "This depends on "+r.Verdict.DependsOn)
	}
	if id := r.Identity; id != nil {
		who := "as " + id.Level
		if id.Level == policy.Customer.String() {
			who += " " + string(id.Customer)
		}
		if id.Tenant != "" {
			who += " of tenant " + policy.Show(id.Tenant)
		}
		t.line("", who+", by "+id.Authenticator)
	}
}

func (u *UpstreamReport) write(t *text) {
	t.title("The upstream " + u.Name + " gets")
	t.line("", u.Method+" "+u.URL)
	t.line("", "Host: "+u.Host)
	for _, part := range []struct {
		colour
		mark string
		list []string
	}{{green, "set", u.Set}, {plain, "same", u.Passed}, {faint, "gone", u.Removed}} {
		for _, line := range part.list {
			t.paintedLine(part.colour, part.mark, line)
		}
	}
}
