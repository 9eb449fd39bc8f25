package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of the README that tell why print what it says, with the configuration
// that stands above them.
func TestREADME(t *testing.T) {
	snippets, _ := readExample(t, "../..", "yaml")
	commands, answers := readExample(t, "../..", "sh")
	if len(snippets) != 2 || len(commands) != 4 {
		t.Fatalf("%d snippets, %d commands", len(snippets), len(commands))
	}
	folder := t.TempDir()
	for i, name := range []string{"postern.yaml", "postern_test.yaml"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(snippets[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range commands {
		command := exec.CommandContext(t.Context(), "sh", "-ec", text)
		command.Dir, command.Env = folder, append(os.Environ(), "PROJECT_TOKEN=a-token-of-thirty-two-characters")
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v", text, err)
		}
		got := oneSpace(string(output))
		for line := range strings.Lines(answers[i]) {
			pattern := `(?m)^` + strings.ReplaceAll(regexp.QuoteMeta(oneSpace(line)), "…", ".*") + `$`
			if !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%s\nprints\n%s\nwant the line\n%s", text, output, line)
			}
		}
		if answers[i] == "" {
			t.Errorf("no answer is printed after\n%s", text)
		}
	}
}
