package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// filler is a large mapping, in YAML or in JSON, around entries.
func filler(json bool, entries string) string {
	var b strings.Builder
	for i := range 4000 {
		if i == 3500 {
			b.WriteString(entries)
		}
		if json {
			fmt.Fprintf(&b, "\"é%d\" :\t[ {\"listen\":\"\\u00e9:%d\", \"retries\": %d}],\n", i, i, i%100)
		} else {
			fmt.Fprintf(&b, "é%d:\n- { listen: \"é:%d\", retries: %d }\n", i, i, i%100)
		}
	}
	if json {
		return "{" + b.String() + "\"last\":[]}"
	}
	return "# a comment\n" + b.String()
}

// A large mapping is read in parts with the result, the faults and the positions
// that it has as a whole.
func TestPartsAreLikeTheWhole(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		parts bool // not left to the parser of the whole
	}{
		"YAML":                       {filler(false, ""), true},
		"JSON":                       {filler(true, ""), true},
		"JSON on one line":           {strings.ReplaceAll(filler(true, ""), "\n", ""), true},
		"faults in YAML":             {filler(false, "a: { listen: x }\nb: [{ lisen: x }]\nc: [{ retries: many }]\n? [d]\n: e\n"), true},
		"faults in JSON":             {filler(true, "\"a\":{\"listen\":\"x\"},\n\"b\":[{\"lisen\":1}], \"c\":[{\"retries\":1e9,\n\"h2c\":null}],\"\":[],\n"), true},
		"JSON's other types":         {filler(true, `"a":[{"h2c":true,"ratio":2.5e-1,"timeout":null}],`), true},
		"a key again":                {filler(false, "é1: []\n"), true},
		"a key twice":                {filler(false, "a: []\na: []\n"), true},
		"a key again in JSON":        {filler(true, `"é1": [],`), true},
		"a member twice in JSON":     {filler(true, `"a": [{"listen":"x","listen":"y"}],`), false},
		"no JSON":                    {filler(true, `a: [],`), false},
		"after the JSON":             {filler(true, "") + "x", false},
		"JSON cut off":               {filler(true, "")[:120_000], false},
		"YAML cut off":               {filler(false, "") + "a: [", false},
		"lines of a quoted string":   {filler(false, "a: [{ listen: \"x"+strings.Repeat("\ny: z", 40_000)+"\" }]\n"), false},
		"lines of a block":           {filler(false, "a:\n- listen: |\n"+strings.Repeat("    y: z\n", 20_000)), true},
		"an alias":                   {filler(false, "a: &a [{ listen: x }]\n"+strings.Repeat("# filler\n", 20_000)+"b: *a\n"), false},
		"two documents":              {filler(false, "---\n"), false},
		"the end of a document":      {filler(false, "...\n"), false},
		"a list":                     {strings.Repeat("- a\n", 50_000), false},
		"a text":                     {strings.Repeat("a\n", 50_000), false},
		"a key without its colon":    {filler(false, strings.Repeat("a\n", 50_000)), false},
		"not UTF-8":                  {filler(false, "a: \xff"), false},
		"too deep":                   {filler(true, `"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+","), false},
		"a mapping that is indented": {strings.ReplaceAll(filler(false, ""), "\n", "\n  "), true},
	} {
		t.Run(name, func(t *testing.T) {
			type content map[string][]sampleServer
			var want, got content
			whole, wantErrs := parseAny("f", []byte(test.text))
			if whole != nil {
				wantErrs = whole.decode(&want)
			}
			parts, errs, ok := decodeParts("f", []byte(test.text), &got)
			if ok != test.parts {
				t.Fatalf("in parts: %t", ok)
			}
			if !ok {
				return
			}
			if diff := cmp.Diff(wantErrs, errs); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if len(errs) == 0 && !cmp.Equal(want, got) {
				t.Error("the result differs")
			}
			for _, path := range []policy.Path{
				{"é1"}, {"é2000", 0, "retries"}, {"é3999", 0}, {"é3998", 1}, {"last"}, {"é0", 0, "listen"}, {"a"}, {"b", 0}, {"nobody"},
			} {
				if _, known := parts.parts.lines[path[0].(string)]; !known {
					continue
				}
				wantLine, wantColumn := whole.position(path)
				if line, column := parts.position(path); line != wantLine || column != wantColumn {
					t.Errorf("%s: %d:%d, want %d:%d", path, line, column, wantLine, wantColumn)
				}
			}
		})
	}
}

// A small file is not worth it.
func TestSmallFilesAreNotCut(t *testing.T) {
	var into map[string][]sampleServer
	if _, _, ok := decodeParts("f", []byte(`{"a":[]}`), &into); ok {
		t.Error("in parts")
	}
}
