package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/config"
	"postern/policy"
)

type shopping struct {
	Items []item `yaml:"items"`
}

type item struct {
	Name  string `yaml:"name"`
	Count int    `yaml:"count"`
}

func (s *shopping) Check(problems *policy.Problems) {
	for i, item := range s.Items {
		at := policy.Path{"items", i}
		if item.Name == "" {
			problems.Addf(at, "name is missing")
		}
		if item.Count < 0 {
			problems.Addf(at.At("count"), "is negative")
		}
	}
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"items: [{ name: a }]": "",
		"items: [{ nam: a, count: -1 }, { count: x }, 1]": `FILE:1:11: items[0]: unknown key "nam", did you mean "name"?
FILE:1:26: items[0].count: is negative
FILE:1:32: items[1]: name is missing
FILE:1:41: items[1].count: wants a whole number, got a string
FILE:1:46: items[2]: wants a mapping, got a number`,
		"[]":          "FILE:1:1: the file wants a mapping at its top, got a list",
		"":            "FILE:1:1: the file is empty",
		"a: 1\n---\n": "FILE:2:1: a second document: the file must hold exactly one",
	} {
		write(text)
		got := ""
		if _, err := config.Read(file, &shopping{}); err != nil {
			got = strings.ReplaceAll(err.Error(), file, "FILE")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if _, err := config.Read(filepath.Join(file, "nowhere"), &shopping{}); err == nil {
		t.Error("read a file that is not there")
	}
}

// What is found out later is told with its position, too.
func TestReadKnowsPlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.yaml")
	if err := os.WriteFile(file, []byte("items:\n  - name: a\n    count: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := &shopping{}
	read, err := config.Read(file, list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&shopping{[]item{{"a", 1}}}, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	count := policy.Path{"items", 0, "count"}
	if got, want := read.At(count, "too few"), (config.Error{File: file, Line: 3, Column: 12, Message: "too few"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	var problems policy.Problems
	if err := read.Errors(problems); err != nil {
		t.Errorf("got %v", err)
	}
	problems.Addf(count, "is too low")
	if err := read.Errors(problems); err == nil || err.Error() != file+":3:12: items[0].count: is too low" {
		t.Errorf("got %v", err)
	}
}
