package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/config"
	"postern/keys"
)

var rotationTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rotation ends secrets a day later, for one that is called new-secret.
func rotation(edit func(*config.Rotation)) *config.Rotation {
	r := &config.Rotation{Now: rotationTime, End: rotationTime.Add(24 * time.Hour), Make: func(encoding string) string { return "new-secret" + encoding }}
	if edit != nil {
		edit(r)
	}
	return r
}

func TestRotate(t *testing.T) {
	const (
		day    = "2026-11-23T12:00:00Z"
		old    = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4"
		digest = "fc97bb52861fcf328d0a7abe201f9632b8703e436656348f6d1b398f42e92c39" // of new-secret
	)
	ends := func(ids ...string) (list []keys.Listed) {
		for _, id := range ids {
			list = append(list, keys.Listed{ID: id, NotAfter: rotationTime.Add(24 * time.Hour)})
		}
		return list
	}
	for name, test := range map[string]struct {
		file string
		edit func(*config.Rotation)
		want string
		done config.Rotated
	}{
		"a list with comments": {
			file: `# Tokens of the apps.

# in use
- id: mobile # since 4.1
  value: { env: MOBILE } # in the vault
  attributes: {project: acme}
`,
			want: `# Tokens of the apps.

- id: "2026-11-22"
  value: "new-secret"
  attributes: {"project": "acme"}
# in use
- id: mobile # since 4.1
  value: {env: MOBILE} # in the vault
  attributes: {project: acme}
  not_after: ` + day + "\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("mobile")},
		},
		"what ends earlier, has ended, or is to come": {
			file: `- {id: soon, value: a, not_after: 2026-11-22T13:00:00Z}
- {id: later, value: b, not_after: "2027-01-01"}
- {id: over, value: c, not_after: 2026-11-22T12:00:00Z}
- {id: waits, value: d, not_before: 2026-11-22T12:00:01Z}
`,
			edit: func(r *config.Rotation) { r.ID = "n" },
			want: `- {id: "n", value: "new-secret"}
- {id: soon, value: a, not_after: '2026-11-22T13:00:00Z'}
- {id: later, value: b, not_after: "` + day + `"}
- {id: over, value: c, not_after: '2026-11-22T12:00:00Z'}
- {id: waits, value: d, not_before: '2026-11-22T12:00:01Z'}
`,
			done: config.Rotated{ID: "n", Secret: "new-secret", Waiting: []string{"waits"}, Ended: []keys.Listed{
				{ID: "soon", NotAfter: rotationTime.Add(time.Hour)}, ends("later")[0],
			}},
		},
		"at once, a day that is taken": {
			file: "- {id: 2026-11-22, value: a}\n- {id: 2026-11-22.2, value: b}\n",
			edit: func(r *config.Rotation) { r.End = r.Now; r.Replaces = []string{"2026-11-22.2"} },
			want: "- {id: \"2026-11-22.3\", value: \"new-secret\"}\n- {id: 2026-11-22, value: a}\n- {id: 2026-11-22.2, value: b, not_after: '2026-11-22T12:00:00Z'}\n",
			done: config.Rotated{ID: "2026-11-22.3", Secret: "new-secret", Ended: []keys.Listed{{ID: "2026-11-22.2", NotAfter: rotationTime}}},
		},
		"an encoding": {
			file: "- {id: a, value: {value: YWE, encoding: base64}}\n",
			want: "- {id: \"2026-11-22\", value: {value: \"new-secretbase64\", encoding: base64}}\n- {id: a, value: {value: YWE, encoding: base64}, not_after: '" + day + "'}\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secretbase64", Ended: ends("a")},
		},
		"digests": {
			file: "- {id: a, value: {sha256: " + old + "}}\n",
			want: "- {id: \"2026-11-22\", value: {sha256: \"" + digest + "\"}}\n- {id: a, value: {sha256: " + old + "}, not_after: '" + day + "'}\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("a")},
		},
		"a digest and a secret": {
			file: "- {id: a, value: {sha256: " + old + "}}\n- {id: b, value: x}\n",
			want: "- {id: \"2026-11-22\", value: \"new-secret\"}\n- {id: a, value: {sha256: " + old + "}, not_after: '" + day + "'}\n- {id: b, value: x, not_after: '" + day + "'}\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("a", "b")},
		},
		"an empty list": {
			file: "[]\n", want: "[\n  {\n    \"id\": \"2026-11-22\",\n    \"value\": \"new-secret\"\n  }\n]\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret"},
		},
		"JSON": {
			file: `[{"id":"a","value":"x\u00e9\"","attributes":{"b":"1","a":"2"}}]`,
			want: `[
  {
    "id": "2026-11-22",
    "value": "new-secret",
    "attributes": {
      "a": "2",
      "b": "1"
    }
  },
  {
    "id": "a",
    "value": "xé\"",
    "attributes": {
      "b": "1",
      "a": "2"
    },
    "not_after": "` + day + `"
  }
]
`,
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("a")},
		},
		"a tenant": {
			file: "acme:\n  - id: \"1\"\n    value: a\nother:\n  - {id: \"1\", value: b}\n",
			edit: func(r *config.Rotation) { r.Tenant = "acme" },
			want: "acme:\n  - id: \"2026-11-22\"\n    value: \"new-secret\"\n  - id: \"1\"\n    value: a\n    not_after: " + day + "\nother:\n  - {id: \"1\", value: b}\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("1")},
		},
		"what others share and no rotation changes": {
			file: "a:\n  - {id: x, value: a, attributes: &app {app: web}}\nb:\n  - {id: y, value: b, attributes: *app}\n",
			edit: func(r *config.Rotation) { r.Tenant = "a" },
			want: "a:\n  - {id: \"2026-11-22\", value: \"new-secret\", attributes: {\"app\": \"web\"}}\n  - {id: x, value: a, attributes: &app {app: web}, not_after: '" + day + "'}\nb:\n  - {id: y, value: b, attributes: *app}\n",
			done: config.Rotated{ID: "2026-11-22", Secret: "new-secret", Ended: ends("x")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, done, err := rotation(test.edit).Apply("secrets.yaml", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)) + cmp.Diff(&test.done, done); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRotateRefuses(t *testing.T) {
	const two = "- {id: a, value: x, attributes: {app: one}}\n- {id: b, value: y}\n- {id: over, value: z, not_after: 2020-01-01}\n"
	const aliased = "the list has aliases or anchors (* or &), which another place would change with: write it out first"
	tenant := func(r *config.Rotation) { r.Tenant = "a" }
	for name, test := range map[string]struct {
		file string
		edit func(*config.Rotation)
		want string
	}{
		"two kinds":            {two, nil, `"a" and "b" differ in more than their values: name the one to replace`},
		"an id that is taken":  {two, func(r *config.Rotation) { r.ID, r.Replaces = "b", []string{"a"} }, `the id "b" is taken`},
		"nobody":               {two, func(r *config.Rotation) { r.Replaces = []string{"aa"} }, `there is no secret "aa" to replace, did you mean "a"?`},
		"one that has ended":   {two, func(r *config.Rotation) { r.Replaces = []string{"over"} }, `"over" has ended already`},
		"one that is to come":  {"- {id: a, value: x, not_before: 2026-12-01}\n", func(r *config.Rotation) { r.Replaces = []string{"a"} }, `"a" begins at 2026-12-01T00:00:00Z, and cannot end before: take it out by hand`},
		"a key ring":           {"acme: []\n", nil, "secrets.yaml is a key ring: name the tenant"},
		"no tenant":            {"acme: []\n", func(r *config.Rotation) { r.Tenant = "acmo" }, `secrets.yaml has no tenant "acmo", did you mean "acme"?`},
		"no key ring":          {"[]\n", func(r *config.Rotation) { r.Tenant = "acme" }, "secrets.yaml:1:1: wants a mapping, got a list"},
		"an unknown key":       {"- {id: a, vaule: s3cr3t}\n", nil, `secrets.yaml:1:11: [0]: unknown key "vaule", did you mean "value"?`},
		"no YAML":              {"- {", nil, "secrets.yaml:1:1: did not find expected node content"},
		"nothing":              {"", nil, "secrets.yaml:1:1: the file is empty"},
		"an alias of a secret": {"- &a {id: a, value: x}\n- *a\n", nil, aliased},
		"an anchor of one":     {"- {id: a, value: &x x, not_after: &t 2027-01-01}\n- {id: b, value: y, not_after: *t}\n", nil, aliased},
		"none that could end":  {"- {id: a, value: x, not_before: 2026-12-01}\n", func(r *config.Rotation) { r.End = r.Now }, "no secret is in force that could end at once: name the one to replace, or end none"},
		"a list of two":        {"a: &l [{id: x, value: x}]\nb: *l\n", tenant, aliased},
		"a secret of two":      {"a: [&s {id: x, value: x}]\nb: [*s]\n", tenant, aliased},
		"an end of two":        {"a: [{id: x, value: x, not_after: &t 2027-01-01}]\nb: [{id: y, value: y, not_after: *t}]\n", tenant, aliased},
	} {
		got, done, err := rotation(test.edit).Apply("secrets.yaml", []byte(test.file))
		if err == nil || err.Error() != test.want || got != nil || done != nil {
			t.Errorf("%s: %v, %s", name, err, got)
		}
	}
}

// What was rotated loads, whatever the list was: the configuration has it.
func FuzzRotate(f *testing.F) {
	for _, seed := range []string{"[]", "- {id: a, value: x}", "- id: a\n  value: |\n    x\n  not_after: 2026-12-01 # then", `[{"id":"a","value":{"env":"X"}}]`, "- &a {id: a, value: x}\n- *a"} {
		f.Add(seed)
	}
	file := filepath.Join(f.TempDir(), "postern.yaml")
	if err := os.WriteFile(file, []byte(`
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators: { app: { type: token, scheme: Token, tokens_file: tokens.yaml } }
routes: [{ match: /, upstream: data, authenticate: [app] }]
`), 0o600); err != nil {
		f.Fatal(err)
	}
	tokens := filepath.Join(filepath.Dir(file), "tokens.yaml")
	load := func(t *testing.T, list []byte) error {
		t.Helper()
		if err := os.WriteFile(tokens, list, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file, func(string) (string, bool) { return "from the environment", true })
		return err
	}
	f.Fuzz(func(t *testing.T, list string) {
		if strings.Contains(list, "file") || load(t, []byte(list)) != nil {
			return // what stands in files of their own may not be there
		}
		got, _, err := rotation(nil).Apply(tokens, []byte(list))
		if err != nil {
			return
		}
		if err := load(t, got); err != nil {
			t.Errorf("%q became\n%s\n%v", list, got, err)
		}
	})
}
