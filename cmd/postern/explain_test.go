package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"postern/explain"
)

// explained runs postern explain and returns what it reports.
func explained(t *testing.T, file string, arguments ...string) (*explain.Report, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{"explain", "--config", file, "--json"}, arguments...), &out, &errs)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	text := out.String()
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	report := &explain.Report{}
	if err := d.Decode(report); err != nil {
		t.Fatal(err)
	}
	return report, text
}

// save writes the key set to a file.
func (i *issuer) save(t *testing.T) (file string) {
	t.Helper()
	response, err := http.Get(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(read(t, response).body), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// commandLine returns the arguments of explain that stand for a request.
func (r *refusal) commandLine() []string {
	arguments := []string{or(r.method, http.MethodGet), r.target}
	for _, field := range r.fields {
		arguments = append(arguments, "-H", field)
	}
	if r.body != "" {
		arguments = append(arguments, "-d", r.body)
	}
	return arguments
}

func TestColours(t *testing.T) {
	env := func(values map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
	}
	terminal, err := os.Open(os.DevNull) // a character device, too
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct {
		name string
		out  io.Writer
		env  map[string]string
		want bool
	}{
		{"a terminal", terminal, map[string]string{"TERM": "xterm"}, true},
		{"an empty NO_COLOR", terminal, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{"NO_COLOR", terminal, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{"a dumb terminal", terminal, map[string]string{"TERM": "dumb"}, false},
		{"no TERM", terminal, nil, false},
		{"a file", file, map[string]string{"TERM": "xterm"}, false},
		{"a buffer", &bytes.Buffer{}, map[string]string{"TERM": "xterm"}, false},
	} {
		if got := hasColours(test.out, env(test.env)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
