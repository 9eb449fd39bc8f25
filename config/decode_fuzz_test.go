package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"postern/policy"
)

// FuzzDecode holds that any file either decodes or gives errors, each on one
// line and at a position within the file, and that every setting has one.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/decode/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(billionLaughs())
	f.Add("a: &x [*x]\nserver: { <<: *x, ? [a] : b }")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		within := func(line, column int) bool {
			return line >= 1 && line <= len(lines) &&
				column >= 1 && column <= utf8.RuneCountInString(lines[line-1])+1
		}
		d, errs := parseDocument("f", []byte(text))
		if (d == nil) != (len(errs) > 0) {
			t.Fatalf("document %v, errors %v", d != nil, errs)
		}
		if d != nil {
			var s sample
			errs = d.decode(&s)
			for e := range entries(d.root) {
				for _, path := range []policy.Path{{e.key}, {e.key, 0}, {e.key, "missing"}} {
					if line, column := d.position(path); !within(line, column) {
						t.Errorf("%v is at %d:%d", path, line, column)
					}
				}
			}
		}
		for _, err := range errs {
			if !within(err.Line, err.Column) || strings.Contains(err.Message, "\n") {
				t.Error(err)
			}
		}
	})
}
