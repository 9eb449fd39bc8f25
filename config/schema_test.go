package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema is that of the settings which the decoder fills.
func TestSchemaIsOfTheSettings(t *testing.T) {
	m := schemaMaker{*newDecoder(nil), readDocs(t)}
	s := m.structure(fresh(reflect.TypeFor[Config]()))
	s["$schema"], s["title"] = "http://json-schema.org/draft-07/schema#", "Configuration of Postern"
	var made bytes.Buffer
	encoder := json.NewEncoder(&made)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if link := regexp.MustCompile(`\[[A-Z]\w*[.\]][^"]*`).Find(written); link != nil {
		t.Errorf("a description speaks of Go: %s", link)
	}
	if diff := cmp.Diff(string(written), made.String()); diff != "" {
		t.Errorf("go test ./config -run Schema -update writes it anew (-written +made):\n%s", diff)
	}
}

// validator holds configurations to the schema, as an editor does.
type validator struct{ *jsonschema.Schema }

func newValidator(t *testing.T) validator {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return validator{compiled}
}

// check returns what is wrong with a file by the decoder, and by the schema.
func (v validator) check(t *testing.T, file string, data []byte) (byDecoder Errors, bySchema error) {
	t.Helper()
	doc, errs := parseDocument(file, data)
	if doc == nil {
		t.Skip("no YAML: ", errs)
	}
	bySchema = v.Validate(newDecoder(doc).untyped(doc.root, markOf(doc.root)))
	doc, errs = parseDocument(file, data) // afresh, as a walk leaves what it found
	return append(errs, doc.decode(new(Config))...), bySchema
}

// Every configuration that is shown anywhere passes.
func TestSchemaAcceptsExamples(t *testing.T) {
	v := newValidator(t)
	files, err := filepath.Glob("../examples/*/postern.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "../config.example.yaml", "../cmd/postern/demo/postern.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.check(t, file, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// kindFaults are the messages of the decoder about what the schema knows: keys,
// kinds of values, words, durations, sizes and dates.
var kindFaults = regexp.MustCompile(`: (unknown key|wants |".*" is (not a duration|not a size|negative)|the secret is empty)`)

// The schema refuses nothing that the decoder takes, and takes none of its faults.
func TestSchemaAgreesWithDecoder(t *testing.T) {
	v := newValidator(t)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	refused := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			byDecoder, bySchema := v.check(t, file, data)
			known := slices.ContainsFunc(byDecoder, func(e Error) bool { return e.File == file && kindFaults.MatchString(e.Error()) })
			if known != (bySchema != nil) {
				t.Errorf("the schema says %v, the decoder %v", bySchema, byDecoder)
			}
			if known {
				refused++
			}
		})
	}
	if refused < 5 {
		t.Errorf("only %d files are refused", refused)
	}
}

// Each single fault of a kind is found where it stands.
func TestSchemaRefuses(t *testing.T) {
	v := newValidator(t)
	for text, at := range map[string]string{
		`serve: {}`:                                                "",
		`server: { listn: ":8080" }`:                               "/server",
		`server: []`:                                               "/server",
		`server: { listen: [a] }`:                                  "/server/listen",
		`server: { h2c: yes }`:                                     "/server/h2c",
		`server: { body_timeout: 30 }`:                             "/server/body_timeout",
		`server: { body_timeout: 1d }`:                             "/server/body_timeout",
		`limits: { token_bytes: 16kB }`:                            "/limits/token_bytes",
		`limits: { connections: 1.5 }`:                             "/limits/connections",
		`limits: { connections: "1" }`:                             "/limits/connections",
		`log: { format: xml }`:                                     "/log/format",
		`upstreams: { a: { "-": {} } }`:                            "/upstreams/a",
		`identity_headers: { X-A: [a] }`:                           "/identity_headers/X-A",
		`routes: { match: / }`:                                     "/routes",
		`routes: [{ mode: Report }]`:                               "/routes/0/mode",
		`routes: [{ until: soon }]`:                                "/routes/0/until",
		`routes: [{ upgrade: [h2c] }]`:                             "/routes/0/upgrade",
		`routes: [{ require: { level: admin } }]`:                  "/routes/0/require/level",
		`routes: [{ consistency: [{ when: [admin] }] }]`:           "/routes/0/consistency/0/when/0",
		`authenticators: { a: {} }`:                                "/authenticators/a",
		`authenticators: { a: { type: jwtt } }`:                    "/authenticators/a/type",
		`authenticators: { a: { type: token, keys: {} } }`:         "/authenticators/a",
		`authenticators: { a: { type: jwt, algorithms: [none] } }`: "/authenticators/a/algorithms/0",
		`authenticators: { a: { type: jwt, keys: { secrets: [{ value: "" }] } } }`: "/authenticators/a/keys/secrets/0/value",
	} {
		byDecoder, bySchema := v.check(t, "f", []byte(text))
		fault, _ := errors.AsType[*jsonschema.ValidationError](bySchema)
		if fault == nil || byDecoder == nil {
			t.Errorf("%s: the schema says %v, the decoder %v", text, bySchema, byDecoder)
			continue
		}
		for len(fault.Causes) == 1 { // the deepest that all of it comes from
			fault = fault.Causes[0]
		}
		if got := "/" + strings.Join(fault.InstanceLocation, "/"); strings.TrimSuffix(got, "/") != at {
			t.Errorf("%s: the fault is at %s, want %s: %v", text, got, at, fault)
		}
	}
}

// The patterns are those of the types.
func TestSchemaPatterns(t *testing.T) {
	texts := []string{
		"", "0", "00", "5", "+5s", "-5s", "1s", "1.5h", ".5s", "1.s", ".s", "1m30s", "1h 1m", "5µs", "1d", "s", "1e3s",
		"1B", "64KiB", "64 KiB", "64kib", "1.5MiB", "2GiB", "1TiB", "KiB", "0x10", "1 B ", " 1B",
		"2026-12-31", "2026-12-31T00:00:00Z", "2026-12-31T00:00:00.5+01:00", "2026-12-31 00:00:00", "2026-12-31T00:00:00", "26-12-31",
	}
	for kind, pattern := range patterns {
		for _, text := range texts {
			doc, errs := parseAny("f", []byte(strconv.Quote(text)))
			if doc == nil {
				t.Fatal(errs)
			}
			newDecoder(doc).value(doc.root, reflect.New(kind).Elem(), markOf(doc.root))
			if matches := regexp.MustCompile(pattern).MatchString(text); matches != (doc.errs == nil) {
				t.Errorf("%v: %q: %t, but %v", kind, text, matches, doc.errs)
			}
		}
	}
}
