package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// planOf returns a plan that reads paths, numbered in their order.
func planOf(t testing.TB, paths ...string) *policy.BodyPlan {
	t.Helper()
	plan := &policy.BodyPlan{}
	for i, text := range paths {
		separator := "."
		if strings.HasPrefix(text, "[") {
			separator = ""
		}
		ref, err := policy.ParseReference("body" + separator + text)
		if err != nil {
			t.Fatal(err)
		}
		if number, err := plan.Add(ref.Path); err != nil || number != i {
			t.Fatalf("%s: number %d, %v", text, number, err)
		}
	}
	return plan
}

func TestBodyPlanScan(t *testing.T) {
	for name, test := range map[string]struct {
		paths, body string
		want        [][]string
	}{
		"a member":                {"id", `{"x":[{}],"id":"a"}`, [][]string{{`"a"`}}},
		"a number keeps its text": {"id", `{"id":12345678901234567890}`, [][]string{{"12345678901234567890"}}},
		"an object as it stands":  {"ids", `{"x":1, "ids" : { "a":"1", "b":{"c":[]}} }`, [][]string{{`{ "a":"1", "b":{"c":[]}}`}}},
		"a list as it stands":     {"ids", `{"ids":[ 1,{"a":2}]}`, [][]string{{`[ 1,{"a":2}]`}}},
		"missing":                 {"id", `{}`, [][]string{{""}}},
		"null":                    {"id", `{"id":null}`, [][]string{{""}}},
		"a null container":        {"a.b.c", `{"a":{"b":null}}`, [][]string{{""}}},
		"a missing container":     {"a.b.c", `{"a":{}}`, [][]string{{""}}},
		"a null document":         {"id", `null`, [][]string{{""}}},
		"nested":                  {"a.b", `{"a":{"b":"x","c":1}}`, [][]string{{`"x"`}}},
		"quoted":                  {`["a.b"]`, `{"a":{"b":"no"},"a.b":"x"}`, [][]string{{`"x"`}}},
		"an escaped name":         {"id", `{"\u0069d":"x"}`, [][]string{{`"x"`}}},
		"two paths":               {"a.b a.c", `{"a":{"c":"2","b":"1"}}`, [][]string{{`"1"`}, {`"2"`}}},
		"a path inside another":   {"a a.b", `{"a":{"b":"1"}}`, [][]string{{`{"b":"1"}`}, {`"1"`}}},
		"a list and its elements": {"a a[*] a[1]", `{"a":[1,2]}`, [][]string{{`[1,2]`}, {"1", "2"}, {"2"}}},
		"null and inside it":      {"a a.b a.c[*]", `{"a":null}`, [][]string{{""}, {""}, {""}}},
		"an index":                {"a[1].id", `{"a":[{"id":"0"},{"id":"1"}]}`, [][]string{{`"1"`}}},
		"an index beyond":         {"a[1].id", `{"a":[{"id":"0"}]}`, [][]string{{""}}},
		"every element":           {"a[*].id", `{"a":[{"id":"0"},{},null,{"id":"3"}]}`, [][]string{{`"0"`, "", "", `"3"`}}},
		"no element":              {"a[*].id", `{"a":[]}`, [][]string{{""}}},
		"no list":                 {"a[*].id", `{}`, [][]string{{""}}},
		"every and one":           {"a[*].id a[0].id", `{"a":[{"id":"0"},{"id":"1"}]}`, [][]string{{`"0"`, `"1"`}, {`"0"`}}},
		"a list document":         {"[*].id [1]", `[{"id":"0"},{"id":"1"}]`, [][]string{{`"0"`, `"1"`}, {`{"id":"1"}`}}},
		"an empty list document":  {"[*].id", `[]`, [][]string{{""}}},
		"lists of lists":          {"a[*][*]", `{"a":[["1"],[],["2","3"]]}`, [][]string{{`"1"`, "", `"2"`, `"3"`}}},
		"white space":             {"id", " \r\n\t{ \"id\" : \"a\" } \n", [][]string{{`"a"`}}},
		"a longer name is other":  {"id", `{"id":"a","idx":"b","i":"c"}`, [][]string{{`"a"`}}},
		"500 levels":              {"id", `{"id":"a","x":` + strings.Repeat(`[`, 499) + strings.Repeat(`]`, 499) + `}`, [][]string{{`"a"`}}},
		"brackets in a string":    {"id", `{"id":"a","x":"\"` + strings.Repeat(`[{`, 1000) + `"}`, [][]string{{`"a"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planOf(t, strings.Fields(test.paths)...)
			got, err := plan.Scan([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, textsOf(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBodyPlanScanRefuses(t *testing.T) {
	deep := strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000)
	for name, test := range map[string]struct{ paths, body string }{
		"nothing":                       {"id", ``},
		"white space alone":             {"id", " \n"},
		"a name that NUL ends":          {"id", `{"id\u0000":"b","id":"a"}`},
		"501 levels":                    {"id", `{"x":` + strings.Repeat(`[`, 500) + strings.Repeat(`]`, 500) + `}`},
		"a name twice in what is read":  {"ids", `{"ids":{"a":1,"a":2}}`},
		"an element's name twice":       {"l[*].id l[0].id", `{"l":[{"id":1,"id":2}]}`},
		"a name twice":                  {"id", `{"id":"a","id":"b"}`},
		"a name twice, escaped":         {"id", `{"id":"a","\u0069\u0064":"b"}`},
		"another name twice":            {"id", `{"id":"a","x":{"y":1,"y":2}}`},
		"another case":                  {"id", `{"id":"a","ID":"b"}`},
		"another case alone":            {"id", `{"Id":"b"}`},
		"another case, escaped":         {"id", `{"\u0049d":"b"}`},
		"Kelvin sign":                   {"key", `{"\u212Aey":"b"}`},
		"dotted capital I":              {"id", `{"\u0130d":"b"}`},
		"long s":                        {"sub", `{"\u017fub":"b"}`},
		"another case, nested":          {"a.id", `{"a":{"id":"a","iD":"b"}}`},
		"another case in a value":       {"a a.id", `{"a":{"id":"a","iD":"b"}}`},
		"after the document":            {"id", `{"id":"a"}{}`},
		"garbage after the document":    {"id", `{"id":"a"}x`},
		"cut short":                     {"id", `{"id":"a"`},
		"cut short elsewhere":           {"id", `{"id":"a","x":[`},
		"byte order mark":               {"id", "\ufeff" + `{"id":"a"}`},
		"UTF-16":                        {"id", "\xfe\xff\x00{\x00}"},
		"invalid UTF-8":                 {"id", "{\"id\":\"\xff\"}"},
		"invalid UTF-8 elsewhere":       {"id", "{\"x\":\"\xff\"}"},
		"a lone surrogate":              {"id", `{"id":"\ud800"}`},
		"NaN":                           {"id", `{"id":NaN}`},
		"a comment":                     {"id", `{/**/"id":"a"}`},
		"single quotes":                 {"id", `{'id':'a'}`},
		"a trailing comma":              {"id", `{"id":"a",}`},
		"a list document":               {"id", `[{"id":"a"}]`},
		"an object for a list document": {"[*].id", `{"id":"a"}`},
		"the prototype":                 {"id", `{"id":"a","__proto__":{"id":"b"}}`},
		"the prototype, escaped":        {"id", `{"\u005f_proto__":{"id":"b"}}`},
		"the prototype, nested":         {"a[*].id", `{"a":[{"__proto__":{"id":"b"}}]}`},
		"too many values":               {"a[*]", `{"a":[` + strings.Repeat("1,", 50_001) + `1]}`},
		"too many values that miss":     {"a[*].id", `{"a":[` + strings.Repeat("{},", 50_001) + `{}]}`},
		"too many values of lists":      {"a[*][*]", `{"a":[` + strings.Repeat("[1,1,1],", 17_000) + `[]]}`},
		"a string document":             {"id", `"a"`},
		"a string container":            {"a.id", `{"a":"x"}`},
		"a list container":              {"a.id", `{"a":[{"id":"x"}]}`},
		"an object for a list":          {"a[*].id", `{"a":{"id":"x"}}`},
		"a number for a list":           {"a[0]", `{"a":1}`},
		"an element of another type":    {"a[*].id", `{"a":["x"]}`},
		"a container inside a value":    {"a a.b.c", `{"a":{"b":"x"}}`},
		"deep where nobody reads":       {"id", `{"id":"a","x":` + deep + `}`},
		"deep where somebody reads":     {"id", `{"id":` + deep + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planOf(t, strings.Fields(test.paths)...)
			if got, err := plan.Scan([]byte(test.body)); err == nil {
				t.Errorf("accepted: %q", got)
			}
		})
	}
}

func TestBodyPlanNoBody(t *testing.T) {
	plan := planOf(t, "a.b", "c[*].d", "e[0]")
	if diff := cmp.Diff(policy.BodyValues{{nil}, {nil}, {nil}}, plan.NoBody()); diff != "" {
		t.Error(diff)
	}
}

func TestBodyPlanAddRefuses(t *testing.T) {
	plan := planOf(t, "a.b", "c[*]")
	for _, text := range []string{"a[0]", "a[*].x", "c.x"} {
		path, err := policy.ParseClaimPath(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Add(path); err == nil {
			t.Errorf("%s is added", text)
		}
	}
}

// textsOf returns values as they stand in a body, "" for those that are missing.
func textsOf(values policy.BodyValues) [][]string {
	texts := make([][]string, len(values))
	for i, list := range values {
		for _, value := range list {
			texts[i] = append(texts[i], string(value))
		}
	}
	return texts
}

// parsed returns values as encoding/json reads them.
func parsed(t testing.TB, values policy.BodyValues) [][]any {
	t.Helper()
	all := make([][]any, len(values))
	for i, list := range values {
		for _, value := range list {
			var v any
			d := json.NewDecoder(bytes.NewReader(value))
			d.UseNumber()
			if err := d.Decode(&v); value != nil && err != nil {
				t.Fatalf("%q: %v", value, err)
			}
			all[i] = append(all[i], v)
		}
	}
	return all
}

// FuzzBodyPlan holds that what is read of an accepted body is what
// encoding/json and a look-up by hand read there.
func FuzzBodyPlan(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","a":{"b":1},"l":[{"id":"x"},{}]}`, `{"ID":"a"}`, `{"id":1e400,"id":2}`, `{"l":[null,{"id":[]}]}`, "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	plan := planOf(f, "id", "a.b", "l[*].id")
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := plan.Scan(body)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var document any
		if err := d.Decode(&document); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		object, _ := document.(map[string]any)
		a, _ := object["a"].(map[string]any)
		want := [][]any{{object["id"]}, {a["b"]}, nil}
		list, _ := object["l"].([]any)
		for _, element := range list {
			member, _ := element.(map[string]any)
			want[2] = append(want[2], member["id"])
		}
		if len(list) == 0 {
			want[2] = []any{nil}
		}
		if diff := cmp.Diff(want, parsed(t, got)); diff != "" {
			t.Error(diff)
		}
		// Go matches names without case: there must be no second reading.
		var loose struct{ ID any }
		if err := json.Unmarshal(body, &loose); err == nil && (loose.ID == nil) != (object["id"] == nil) {
			t.Errorf("read as %v without case", loose.ID)
		}
	})
}

// bodies are of 8 KB: an event with a long text, events in a batch, and one
// object of so many names that a duplicate is not found by comparing each with
// each.
func bodies() map[string][]byte {
	const ids = `"customer_ids":{"registered":"a@b.c","cookie":"c"}`
	batch, wide := []byte(`{`+ids+`,"commands":[`), []byte(`{`+ids+`,"properties":{`)
	for len(batch) < 8<<10 {
		batch = append(batch, `{"name":"customers/events","data":{"event_type":"purchase","timestamp":1700000000.123,`+
			`"properties":{"price":12.5,"currency":"EUR","items":["a","b"],"title":"A caf\u00e9 \"au lait\"","first":false}}},`...)
	}
	for i := 0; len(wide) < 8<<10; i++ {
		wide = fmt.Appendf(wide, `"property_%d":{"value":12.5,"tags":["a","b"]},`, i)
	}
	return map[string][]byte{
		"event": []byte(`{` + ids + `,"event_type":"message","properties":{"text":"` + strings.Repeat("Lorem ipsum. ", 8<<10/13) + `"}}`),
		"batch": append(batch[:len(batch)-1], `]}`...),
		"wide":  append(wide[:len(wide)-1], `}}`...),
	}
}

func BenchmarkBodyPlan8K(b *testing.B) {
	plan := planOf(b, "customer_ids")
	for name, body := range bodies() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := plan.Scan(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
