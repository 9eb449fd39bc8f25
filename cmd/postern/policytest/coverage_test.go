package policytest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPreflightTriesNoRoute(t *testing.T) {
	for _, test := range []struct {
		name     string
		outcomes []*Outcome
		want     bool
	}{
		{"nothing", nil, false},
		{"a preflight", []*Outcome{{Route: "inbox", preflight: true}}, false},
		{"a request", []*Outcome{{Route: "inbox"}}, true},
		{"both", []*Outcome{{Route: "inbox"}, {Route: "inbox", preflight: true}}, true},
	} {
		c := &Coverage{routes: []string{"inbox"}, triedRoutes: map[string]bool{}, triedAuthenticators: map[string]bool{}}
		for _, o := range test.outcomes {
			c.note(o, nil)
		}
		if got := c.complete(); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// A configuration is one, by whatever name the files have it.
func TestRealPath(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile("policy.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("policy.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	want := realPath("policy.yaml")
	for _, name := range []string{"./policy.yaml", "link.yaml", filepath.Join(folder, "policy.yaml"), filepath.Join(folder, "link.yaml")} {
		if got := realPath(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := realPath("missing.yaml"); filepath.Base(got) != "missing.yaml" {
		t.Error(got)
	}
}
