package policy_test

import (
	"strings"
	"testing"

	"postern/policy"
)

func TestValues(t *testing.T) {
	var vals policy.Values
	if _, ok := vals.Get("x"); ok || vals.Pattern() != nil {
		t.Error("the zero value is not empty")
	}
	const many = "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j...}"
	m := matcher(t, routesOf(t, many, "/short/{a}")...)
	copied := vals
	for range 2 {
		if _, err := m.Match("GET", "", "/1/2/3/4/5/6/7/8/9/10/%31%31", &vals); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, name := range vals.Pattern().Wildcards() {
			value, _ := vals.Get(name)
			got += value + " "
		}
		if want := "1 2 3 4 5 6 7 8 9 10/11 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := m.Match("GET", "", "/short/1", &vals); err != nil {
		t.Fatal(err)
	}
	if a, _ := vals.Get("a"); a != "1" {
		t.Errorf("a = %q", a)
	}
	if b, ok := vals.Get("b"); ok {
		t.Errorf("b = %q is left of the last match", b)
	}
	if _, err := m.Match("GET", "", "/unknown", &vals); err == nil || vals.Pattern() != nil {
		t.Errorf("%v of the last match is left", vals.Pattern())
	}
	if _, ok := copied.Get("a"); ok {
		t.Error("a copy shares its memory")
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	m := matcher(t, routesOf(t, "/", "h.com/a/{x}/{rest...}", "GET /Chat/", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}")...)
	var vals policy.Values
	for _, request := range []string{
		"GET h.com/a/1/2/3", "POST /Chat/x", "GET /Chat/ROOM/", "GET /chat/x", "GET /1/2/3/4/5/6/7/8", "GET /none", "GET /%63hat/x",
	} {
		method, target, _ := strings.Cut(request, " ")
		slash := strings.IndexByte(target, '/')
		allocs := testing.AllocsPerRun(100, func() {
			m.Match(method, target[:slash], target[slash:], &vals)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", request, allocs)
		}
	}
}
