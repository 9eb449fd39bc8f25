package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What rotates nothing leaves the file as it is.
func TestRotateRefuses(t *testing.T) {
	const nobody = "--replace names no secret: leave it out to replace all that are in force"
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	const list = "- {id: a, value: x}\n"
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"--replace=", "--revoke-now"}, nobody},
		{[]string{"--replace="}, nobody},
		{[]string{"--replace=a,"}, nobody},
		{[]string{"--until=9999-12-31T23:59:59-01:00"}, "--until wants a time before the end of 9999 in UTC"},
		{[]string{"--until=2020-01-01T00:00:00Z"}, "--until wants a time to come, such as 2027-01-31T00:00:00Z"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"secret", "rotate", "--file", file}, test.arguments...), &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("%v: %d %s%s", test.arguments, code, stderr.String(), stdout.String())
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != list {
		t.Errorf("%v: %s", err, got)
	}
}

// unwritable is a standard output such as /dev/full.
type unwritable struct{}

func (unwritable) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// Where the secret could not be printed, the file has changed all the same.
func TestRotateTellsOfUnprintedSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := os.WriteFile(file, []byte("[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"secret", "rotate", "--file", file, "--id", "lost"}, unwritable{}, &stderr)
	if want := file + ` was changed, but nobody was told the secret "lost" that is new in it: no space left`; code != exitFailed || !strings.Contains(stderr.String(), want) {
		t.Errorf("%d %s", code, stderr.String())
	}
	if got, err := os.ReadFile(file); err != nil || !strings.Contains(string(got), `"lost"`) {
		t.Errorf("%v: %s", err, got)
	}
}
