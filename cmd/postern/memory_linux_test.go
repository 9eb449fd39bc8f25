package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The ballast is address space alone: what the process wrote is less.
func TestBallastTakesNoMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory for it")
	}
	t.Setenv("GOGC", "")
	p := startProcess(t, onlyAnonymous, nil)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "\nRssAnon:")
	var kilobytes int
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatal(err)
	}
	if kilobytes >= ballastSize>>10 {
		t.Errorf("%d kB", kilobytes)
	}
	t.Logf("%d kB", kilobytes)
}
