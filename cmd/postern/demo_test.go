package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern/cmd/postern/demo"
)

// TestDemo starts the demo as a user would, pastes every printed request into a
// shell, and stops the demo with an interrupt.
func TestDemo(t *testing.T) {
	needTool(t, "curl")
	temporary := t.TempDir()
	command := exec.CommandContext(t.Context(), "postern", "demo")
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	printed := readUntil(t, stdout, "Ctrl-C")

	requests := regexp.MustCompile(`Expect (\d+)(?: (\w+)\.)?.*\n\n(curl (?:.*\\\n)*.*)`).FindAllStringSubmatch(printed, -1)
	if len(requests) < 8 {
		t.Errorf("%d requests are printed:\n%s", len(requests), printed)
	}
	for _, request := range requests {
		status, reason, pasted := request[1], request[2], request[3]
		answer, err := exec.CommandContext(t.Context(), "sh", "-c", pasted).Output()
		if err != nil {
			t.Errorf("%s\n%v", pasted, err)
			continue
		}
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+status+" ") || reason != "" && !strings.Contains(string(answer), "Postern-Reason: "+reason+"\r\n") {
			t.Errorf("%s\nanswered:\n%s\nwant %s %s", pasted, answer, status, reason)
		}
	}

	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stdout)
	if err := command.Wait(); err != nil || len(rest) > 0 || stderr.Len() > 0 {
		t.Errorf("after the interrupt: %v, stdout %q, stderr %q", err, rest, stderr.String())
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// readUntil returns the lines up to the one that holds text.
func readUntil(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var printed strings.Builder
	lines := bufio.NewReader(r)
	for !strings.Contains(printed.String(), text) {
		line, err := lines.ReadString('\n')
		printed.WriteString(line)
		if err != nil {
			t.Fatalf("%v after:\n%s", err, printed.String())
		}
	}
	return printed.String()
}

// TestDemoCheckFails changes one expectation at a time: the check must tell.
func TestDemoCheckFails(t *testing.T) {
	const allowed, refused = "chat: a forged identity header", "app inbox: no credential"
	tests := []struct {
		name   string
		title  string
		change func(want *demo.Outcome)
	}{
		{"another status", refused, func(want *demo.Outcome) { want.Status = 403 }},
		{"another reason", refused, func(want *demo.Outcome) { want.Reason = "malformed_credential" }},
		{"allowed in place of denied", refused, func(want *demo.Outcome) { *want = demo.Outcome{Status: 200, Heard: &demo.Heard{}} }},
		{"denied in place of allowed", allowed, func(want *demo.Outcome) { *want = demo.Outcome{Status: 401, Reason: "bad_signature"} }},
		{"another customer heard", allowed, func(want *demo.Outcome) { want.Heard.Headers["X-Customer-Id"] = "bob" }},
		{"more heard than wanted", allowed, func(want *demo.Outcome) { delete(want.Heard.Headers, "X-Customer-Name") }},
		{"another backend hears", allowed, func(want *demo.Outcome) { want.Heard.Backend = "data" }},
	}
	err := runDemo(t.Context(), "127.0.0.1:0", "127.0.0.1:0", io.Discard, func(ctx context.Context, w *demo.World, l listeners) error {
		for _, test := range tests {
			cases := []demo.Case{caseTitled(w, test.title), caseTitled(w, test.title)}
			test.change(&cases[1].Want)
			var out strings.Builder
			err := w.Check(ctx, &out, l.clients.Addr().String(), cases)
			if err == nil || err.Error() != "1 of 2 requests were not answered as expected" || strings.Count(out.String(), "FAIL") != 1 {
				t.Errorf("%s: %v\n%s", test.name, err, out.String())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func caseTitled(w *demo.World, title string) demo.Case {
	for _, c := range w.Cases(time.Now()) {
		if c.Title == title {
			return c
		}
	}
	panic("no case of the title " + title)
}
