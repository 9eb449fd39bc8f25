package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exampleConfigurations lists those of all examples.
func exampleConfigurations(t *testing.T) (files []string) {
	t.Helper()
	all, err := filepath.Glob("../../examples/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nroutes:\n")) {
			files = append(files, file)
		}
	}
	if len(files) < 5 {
		t.Fatalf("only %q", files)
	}
	return files
}

func policyTestOf(configuration string) string {
	return strings.TrimSuffix(configuration, ".yaml") + "_test.yaml"
}

// Each example has tests of its policy, which try every route and authenticator
// without a secret.
func TestExamplePolicies(t *testing.T) {
	for _, file := range exampleConfigurations(t) {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), []string{"test", "--require-coverage", policyTestOf(file)}, &stdout, &stderr); code != exitDone {
			t.Errorf("exit code %d\n%s%s", code, &stdout, &stderr)
		}
	}
}

var exampleRule = regexp.MustCompile(`^ +- \{ (identity|request|profile):? `)

// No rule of an example can be taken out without a test that fails, where such a
// configuration is not refused anyway.
func TestExamplePoliciesNeedEveryRule(t *testing.T) {
	rules := 0
	for _, file := range exampleConfigurations(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		folder := t.TempDir()
		for _, needed := range []string{policyTestOf(file), filepath.Join(filepath.Dir(file), "projects.yaml")} {
			if content, err := os.ReadFile(needed); err == nil {
				writeTestFile(t, filepath.Join(folder, filepath.Base(needed)), string(content))
			}
		}
		for i, line := range lines {
			if !exampleRule.MatchString(line) {
				continue
			}
			rules++
			changed := slices.Delete(slices.Clone(lines), i, i+1)
			if strings.HasSuffix(changed[i-1], "consistency:") && !exampleRule.MatchString(changed[i]) {
				changed[i-1] += " []"
			}
			copied := filepath.Join(folder, filepath.Base(file))
			writeTestFile(t, copied, strings.Join(changed, "\n"))
			if run(t.Context(), []string{"test", policyTestOf(copied)}, io.Discard, io.Discard) == exitDone {
				t.Errorf("%s:%d: no test needs this rule", file, i+1)
			}
		}
	}
	if rules < 40 {
		t.Errorf("only %d rules", rules)
	}
}

func writeTestFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
