package demo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Case is one request with the outcome that it must have.
type Case struct {
	Title string
	// Story says to a reader what happens; a case without one is only checked.
	Story  string
	Method string
	// Target is the path and query, sent as they stand.
	Target  string
	Headers []Header
	// Body is JSON, or empty for none.
	Body string
	Want Outcome
}

// Header is one header line. Its name goes as it stands.
type Header struct{ Name, Value string }

// Outcome is what a request came to.
type Outcome struct {
	Status int
	// Reason is Postern's, empty where the request was allowed.
	Reason string
	// Heard is what a backend was told, nil where none was reached.
	Heard *Heard
}

// String returns the outcome in a few words, without most of what was heard.
func (o Outcome) String() string {
	if o.Reason == "" {
		text := fmt.Sprintf("allow %d", o.Status)
		if o.Heard == nil {
			return text + ", no backend reached"
		}
		return strings.TrimSpace(fmt.Sprintf("%s as %s %s", text, o.Heard.Headers["X-Auth-Level"], o.Heard.Headers["X-Customer-Id"]))
	}
	text := fmt.Sprintf("deny %d %s", o.Status, o.Reason)
	if o.Heard != nil {
		text += ", but a backend was reached"
	}
	return text
}

// String lists what was heard.
func (h *Heard) String() string {
	if h == nil {
		return "no backend hears of it"
	}
	lines := make([]string, 0, len(h.Headers))
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		lines = append(lines, name+": "+h.Headers[name])
	}
	return h.Backend + " hears " + strings.Join(lines, ", ")
}

// denied is the outcome of a request that no backend may see.
func denied(status int, reason string) Outcome { return Outcome{Status: status, Reason: reason} }

// heardBy is the outcome of an allowed request.
func heardBy(backend string, headers map[string]string) Outcome {
	return Outcome{Status: http.StatusOK, Heard: &Heard{backend, headers}}
}

func (c *Case) request(ctx context.Context, address string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, c.Method, "http://"+address+c.Target, strings.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	for _, h := range c.allHeaders() {
		r.Header[h.Name] = append(r.Header[h.Name], h.Value)
	}
	return r, nil
}

// Curl returns the request as a command for a shell.
func (c *Case) Curl(address string) string {
	command := "curl -i"
	if strings.Contains(c.Target, "/.") {
		command += " --path-as-is"
	}
	if c.Body == "" && c.Method != http.MethodGet {
		command += " -X " + c.Method
	}
	parts := []string{command + " " + quote("http://"+address+c.Target)}
	for _, h := range c.allHeaders() {
		parts = append(parts, "-H "+quote(h.Name+": "+h.Value))
	}
	if c.Body != "" {
		parts = append(parts, "-d "+quote(c.Body))
	}
	return strings.Join(parts, " \\\n  ")
}

func (c *Case) allHeaders() []Header {
	if c.Body == "" {
		return c.Headers
	}
	return append(slices.Clip(c.Headers), Header{"Content-Type", "application/json"})
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
