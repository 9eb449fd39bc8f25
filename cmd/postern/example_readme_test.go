package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exampleBackend builds and runs the backend of an example, and returns its
// address. It ends with the test.
func exampleBackend(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "backend")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, folder+"/backend.go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	command := exec.CommandContext(t.Context(), program, "-listen", "127.0.0.1:0")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}

// codeBlock are the code blocks of a page, with their language.
var codeBlock = regexp.MustCompile("(?s)```(\\w*)\n(.*?)```")

// readExample returns a README's blocks of one language and those after each.
func readExample(t *testing.T, folder, language string) (blocks, following []string) {
	t.Helper()
	page, err := os.ReadFile(folder + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := codeBlock.FindAllStringSubmatch(string(page), -1)
	for i, block := range all {
		if block[1] != language {
			continue
		}
		next := ""
		if i+1 < len(all) && all[i+1][1] == "" {
			next = all[i+1][2]
		}
		blocks, following = append(blocks, block[2]), append(following, next)
	}
	return blocks, following
}

// pasteRequests sends every curl of a README, after the shell code above it, and
// wants the lines that it prints; … in them stands for anything.
func pasteRequests(t *testing.T, b *testbed, folder, directory string, wanted int) {
	t.Helper()
	var setup strings.Builder
	requests := 0
	blocks, answers := readExample(t, folder, "sh")
	for i, block := range blocks {
		if !strings.Contains(block, "curl ") {
			setup.WriteString(block)
			continue
		}
		requests++
		command := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(setup.String()+block, "127.0.0.1:8080", b.address))
		command.Dir = directory
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v\n%s", block, err, output)
		}
		got := strings.ReplaceAll(string(output), "\r\n", "\n") + "\n"
		if !strings.HasPrefix(answers[i], "HTTP/1.1 ") {
			t.Errorf("no answer is printed after\n%s", block)
		}
		for line := range strings.Lines(answers[i]) {
			pattern := `(?m)^` + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*") + `$`
			if !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%s\nanswered\n%s\nwant the line\n%s", block, got, line)
			}
		}
	}
	if requests != wanted {
		t.Errorf("%d requests are printed, want %d", requests, wanted)
	}
}

// expectExcerpts wants every snippet of a README to stand in the configuration,
// which loads.
func expectExcerpts(t *testing.T, folder string) {
	t.Helper()
	configuration, err := os.ReadFile(folder + "/postern.yaml")
	if err != nil {
		t.Fatal(err)
	}
	snippets, _ := readExample(t, folder, "yaml")
	for _, snippet := range snippets {
		if !strings.Contains(string(configuration), snippet) {
			t.Errorf("postern.yaml does not hold\n%s", snippet)
		}
	}
	if len(snippets) == 0 {
		t.Error("no part of the configuration is shown")
	}
}

func needReadmeTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"curl", "openssl"} {
		needTool(t, tool)
	}
}

func TestTiledeskReadme(t *testing.T) {
	needReadmeTools(t)
	expectExcerpts(t, tiledeskFolder)
	b := startTiledesk(t, "http://"+exampleBackend(t, tiledeskFolder))
	pasteRequests(t, b, tiledeskFolder, t.TempDir(), 8)
}

func TestASAPPReadme(t *testing.T) {
	needReadmeTools(t)
	expectExcerpts(t, asappFolder)
	directory := t.TempDir()
	keys, _ := readExample(t, asappFolder, "console")
	if len(keys) != 1 {
		t.Fatalf("%d blocks make keys, want one", len(keys))
	}
	command := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(keys[0], "examples/asapp/", ""))
	command.Dir = directory
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	backend := "http://" + exampleBackend(t, asappFolder)
	b := runASAPP(t, backend, backend, filepath.Join(directory, "customer.crt"))
	pasteRequests(t, b, asappFolder, directory, 8)
}
