package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is a configuration with every type that the decoder knows.
type sample struct {
	Server      sampleServer                        `yaml:"server"`
	Shapes      map[string]sampleShape              `yaml:"shapes"`
	Headers     map[string]*string                  `yaml:"headers"`
	Groups      []policy.OneOrMore[string]          `yaml:"groups"`
	Sizes       policy.OneOrMore[policy.Size]       `yaml:"sizes"`
	Limits      map[string]policy.OneOrMore[uint16] `yaml:"limits"`
	Claims      any                                 `yaml:"claims"`
	Secrets     []sampleSecret                      `yaml:"secrets"`
	Backup      *sampleServer                       `yaml:"backup"`
	Levels      policy.OneOrMore[policy.Level]      `yaml:"levels" words:"anonymous customer"`
	SampleTimes `yaml:",inline"`

	Derived string
}

type sampleServer struct {
	Listen  string          `yaml:"listen"`
	Timeout policy.Duration `yaml:"timeout"`
	H2C     bool            `yaml:"h2c"`
	Retries int8            `yaml:"retries"`
	Ratio   float64         `yaml:"ratio"`
}

func (s *sampleServer) SetDefaults() {
	s.Listen, s.Timeout = ":8080", policy.Duration(time.Second)
}

type SampleTimes struct {
	NotBefore time.Time `yaml:"not_before"`
	NotAfter  time.Time `yaml:"not_after"`
}

type sampleSecret struct {
	Plain    policy.Secret `yaml:",scalar"`
	Env      string        `yaml:"env"`
	File     string        `yaml:"file"`
	Encoding string        `yaml:"encoding" words:"raw"`
}

type sampleShape struct {
	Kind     string
	Settings any
}

type sampleCircle struct {
	Radius int `yaml:"radius"`
}

func (c *sampleCircle) SetDefaults() { c.Radius = 1 }

type sampleSquare struct {
	Side  int    `yaml:"side"`
	Color string `yaml:"color" words:"red green blue"`
}

func (*sampleShape) Kinds() []string { return []string{"circle", "square"} }

func (s *sampleShape) Variant(kind string) (any, error) {
	switch s.Kind = kind; kind {
	case "circle":
		s.Settings = &sampleCircle{}
	case "square":
		s.Settings = &sampleSquare{}
	default:
		return nil, fmt.Errorf("unknown type %q", kind)
	}
	return s.Settings, nil
}

// decodeSample returns the faults of a file, whichever step finds them.
func decodeSample(file, text string) (sample, Errors) {
	var s sample
	d, errs := parseDocument(file, []byte(text))
	if errs == nil {
		errs = d.decode(&s)
	}
	return s, errs
}

func TestDecode(t *testing.T) {
	defaults := sampleServer{Listen: ":8080", Timeout: policy.Duration(time.Second)}
	empty := ""
	tests := []struct {
		name, text string
		want       sample
	}{
		{"defaults without their key", "{}", sample{Server: defaults}},
		{"scalars", `
server: { listen: 8080, timeout: 2m, h2c: true, retries: -128, ratio: 2.5e-1 }
not_before: 2026-12-31
not_after: "2026-12-31T12:00:00+01:00"`,
			sample{
				Server: sampleServer{Listen: "8080", Timeout: policy.Duration(2 * time.Minute), H2C: true, Retries: -128, Ratio: 0.25},
				SampleTimes: SampleTimes{
					NotBefore: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
					NotAfter:  time.Date(2026, 12, 31, 11, 0, 0, 0, time.UTC),
				},
			}},
		{"texts", `
server: { listen: "" }
groups: [true, 007, 2026-12-31, '', "~", <<, 0x10]`,
			sample{
				Server: sampleServer{Timeout: policy.Duration(time.Second)},
				Groups: []policy.OneOrMore[string]{{"true"}, {"007"}, {"2026-12-31"}, {""}, {"~"}, {"<<"}, {"0x10"}},
			}},
		{"one or more", `
groups: [a, [b, c], []]
sizes: 64KiB
limits: { low: 1, 2: [2, 65535] }`,
			sample{
				Server: defaults,
				Groups: []policy.OneOrMore[string]{{"a"}, {"b", "c"}, {}},
				Sizes:  policy.OneOrMore[policy.Size]{64 << 10},
				Limits: map[string]policy.OneOrMore[uint16]{"low": {1}, "2": {2, 65535}},
			}},
		{"empty is not absent", "{ groups: [], headers: {}, backup: {} }",
			sample{
				Server:  defaults,
				Groups:  []policy.OneOrMore[string]{},
				Headers: map[string]*string{},
				Backup:  &defaults,
			}},
		{"null in a map of pointers", `headers: { X-Gone: null, X-Bare: , X-Empty: "" }`,
			sample{Server: defaults, Headers: map[string]*string{"X-Gone": nil, "X-Bare": nil, "X-Empty": &empty}}},
		{"untyped", `claims: { n: 12345678901234567890.5, b: false, z: ~, s: 2026-12-31, l: [1, {}, []] }`,
			sample{Server: defaults, Claims: map[string]any{
				"n": json.Number("12345678901234567890.5"), "b": false, "z": nil, "s": "2026-12-31",
				"l": []any{json.Number("1"), map[string]any{}, []any{}},
			}}},
		{"scalar in place of a struct", `secrets: [hunter2, { env: NAME }, { file: 5 }]`,
			sample{Server: defaults, Secrets: []sampleSecret{{Plain: "hunter2"}, {Env: "NAME"}, {File: "5"}}}},
		{"words", `{ levels: [customer, anonymous], secrets: [{ encoding: raw }, free] }`,
			sample{Server: defaults, Levels: policy.OneOrMore[policy.Level]{policy.Customer, policy.Anonymous}, Secrets: []sampleSecret{{Encoding: "raw"}, {Plain: "free"}}}},
		{"variants", `shapes: { a: { type: circle }, b: { color: red, type: square } }`,
			sample{Server: defaults, Shapes: map[string]sampleShape{
				"a": {"circle", &sampleCircle{Radius: 1}},
				"b": {"square", &sampleSquare{Color: "red"}},
			}}},
		{"anchors and aliases", `
server: &s { listen: &l a }
backup: *s
headers: { *l : *l }`,
			func() sample {
				listen := "a"
				server := sampleServer{Listen: "a", Timeout: policy.Duration(time.Second)}
				return sample{Server: server, Backup: &server, Headers: map[string]*string{"a": &listen}}
			}()},
		{"one document between markers", "---\nbackup: {}\n...\n", sample{Server: defaults, Backup: &defaults}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, errs := decodeSample("f", test.text)
			if errs != nil {
				t.Fatal(errs)
			}
			same := cmp.Options{
				cmp.AllowUnexported(sample{}),
				cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
			}
			if diff := cmp.Diff(test.want, got, same); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDecodeFaults compares all messages of each testdata/decode/*.yaml with
// the text file beside it.
func TestDecodeFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/decode/*.yaml")
	if err != nil || files == nil {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, errs := decodeSample(filepath.Base(file), string(data))
			got := errs.Error() + "\n"
			golden := strings.TrimSuffix(file, "yaml") + "txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A secret whose quotes are missing can read as any part of YAML's syntax.
func TestDecodeShowsNoSecret(t *testing.T) {
	for _, value := range []string{
		"[hunter2]", "[[hunter2]]", "{hunter2}", "{hunter2: {a: b}}", "{hunter2: 1, hunter2: 2}", "{[hunter2]: 1}",
		"{{hunter2}}", "*hunter2", "&hunter2", "&hunter2 [*hunter2]", "!hunter2", "!hunter2 x", "!<hunter2> x",
		"!hunter2!x y", "@hunter2", "`hunter2", "%hunter2", "hunter2: x", "'hunter2' x", `"hunter2\q"`, `"hunter2`,
		"|hunter2", ">\n hunter2", "- hunter2", "? hunter2", "{env: [hunter2]}", "{en: hunter2}", "{encoding: hunter2}", "{hunter2: &hunter2 {<<: *hunter2}}",
		"<<: hunter2", "\thunter2", "hunter2\n hunter2: x", "{\"hunter2\\n\": x}",
	} {
		_, errs := decodeSample("f", "secrets:\n- "+value+"\n")
		if text := errs.Error(); strings.Contains(text, "hunter2") {
			t.Errorf("- %s: %s", value, text)
		}
	}
}

func TestDecodeRefusesSchemas(t *testing.T) {
	d := func() *document {
		d, errs := parseDocument("f", []byte("a: b"))
		if errs != nil {
			t.Fatal(errs)
		}
		return d
	}
	for _, into := range []any{
		&struct {
			A chan int `yaml:"a"`
		}{},
		&struct {
			A string `yaml:"a"`
			B string `yaml:"a"`
		}{},
	} {
		t.Run(fmt.Sprintf("%T", into), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			d().decode(into)
		})
	}
}
