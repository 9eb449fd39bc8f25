package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program a command that scripts and tests can start, and the
// crowd of [startCrowd] another.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"postern": main, "crowd": crowdMain})
}

// needTool skips a test that wants a program which is not installed. Where
// POSTERN_REQUIRE_TOOLS is set, as in .ci/run, that is a failure.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		lacking(t, name)
	}
}

// lacking ends a test that cannot do without something; see [needTool].
func lacking(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POSTERN_REQUIRE_TOOLS") != "" {
		t.Fatalf("%s is missing: see scripts/test", what)
	}
	t.Skipf("%s is missing: see scripts/test", what)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a program and wants an exact exit code: exits 2 postern serve.
func exits(ts *testscript.TestScript, neg bool, arguments []string) {
	if neg || len(arguments) < 2 {
		ts.Fatalf("usage: exits code program [argument...]")
	}
	code := 0
	err := ts.Exec(arguments[1], arguments[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != arguments[0] {
		ts.Fatalf("exit code %d, want %s", code, arguments[0])
	}
}
