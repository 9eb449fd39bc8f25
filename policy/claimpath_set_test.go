package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestSet(t *testing.T) {
	for _, c := range []struct {
		path, object, want string
		fault              string
	}{
		{"sub", `{}`, `{"sub":"v"}`, ""},
		{"sub", `{"sub":{"a":1},"b":2}`, `{"sub":"v","b":2}`, ""},
		{"a.b.c", `{"a":{"x":1}}`, `{"a":{"x":1,"b":{"c":"v"}}}`, ""},
		{`["a.b"]`, `{}`, `{"a.b":"v"}`, ""},
		{"a[0]", `{}`, `{"a":["v"]}`, ""},
		{"a[1]", `{"a":[1]}`, `{"a":[1,"v"]}`, ""},
		{"a[0].b", `{"a":[{"c":1}]}`, `{"a":[{"c":1,"b":"v"}]}`, ""},
		{"a[0][0]", `{"a":null}`, `{"a":[["v"]]}`, ""},
		{"a[1]", `{}`, `{}`, `a[1]: there is no [0] yet`},
		{"a[*]", `{"a":[1]}`, `{"a":[1]}`, `a[*]: [*] is no single place`},
		{"a.b", `{"a":1}`, `{"a":1}`, `a.b: what should hold "b" is no object`},
		{"a[0]", `{"a":{}}`, `{"a":{}}`, `a[0]: what should hold [0] is no list`},
		{"a[0].b", `{"a":[1]}`, `{"a":[1]}`, `a[0].b: what should hold "b" is no object`},
	} {
		object, err := policy.ParseObject([]byte(c.object))
		if err != nil {
			t.Fatal(err)
		}
		want, err := policy.ParseObject([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		path, err := policy.ParseClaimPath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		fault := ""
		if err := path.Set(object, "v"); err != nil {
			fault = err.Error()
		}
		if diff := cmp.Diff(want, object); diff != "" || fault != c.fault {
			t.Errorf("%s in %s: %q, (-want +got):\n%s", c.path, c.object, fault, diff)
		}
	}
}
