package policy_test

import (
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// route returns a route of the patterns; a name that ends in ~ makes it one
// with loose paths.
func route(t testing.TB, name string, patterns ...string) *policy.Route {
	t.Helper()
	r := &policy.Route{Name: name, LoosePaths: strings.HasSuffix(name, "~")}
	for _, text := range patterns {
		p, err := policy.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Patterns = append(r.Patterns, p)
	}
	return r
}

// routesOf returns one route for each pattern, named after it.
func routesOf(t testing.TB, patterns ...string) []*policy.Route {
	t.Helper()
	var routes []*policy.Route
	for _, text := range patterns {
		r := route(t, text, strings.TrimSuffix(text, "~"))
		r.LoosePaths = strings.HasSuffix(text, "~")
		routes = append(routes, r)
	}
	return routes
}

func matcher(t testing.TB, routes ...*policy.Route) *policy.Matcher {
	t.Helper()
	m, conflicts := policy.NewMatcher(routes)
	for _, c := range conflicts {
		t.Fatal(c)
	}
	return m
}

// match describes the outcome of a request "METHOD [host]/path": the name of
// the route with its wildcards, or the reason.
func match(m *policy.Matcher, request string) string {
	var vals policy.Values
	method, target, _ := strings.Cut(request, " ")
	slash := strings.IndexByte(target, '/')
	r, err := m.Match(method, target[:slash], target[slash:], &vals)
	if err != nil {
		d := policy.AsDenial(err)
		return strings.TrimSpace(d.Reason.String() + " " + d.Allow)
	}
	outcome := r.Name
	for _, name := range vals.Pattern().Wildcards() {
		value, _ := vals.Get(name)
		outcome += fmt.Sprintf(" %s=%q", name, value)
	}
	return outcome
}

func checkMatches(t *testing.T, m *policy.Matcher, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for request := range maps.Keys(want) {
		got[request] = match(m, request)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMatchPathFirst(t *testing.T) {
	m := matcher(t, routesOf(t,
		"/", "/{$}", "/a/b", "/a/{x}", "/a/{x...}", "/a/{x}/c", "/a/b/d", "/{x}/b/c", "/s/", "/s/{$}", "/e%2Ff/{x}",
	)...)
	checkMatches(t, m, map[string]string{
		"GET /":              "/{$}",
		"GET /a":             "ambiguous_path", // /a/ without its slash
		"GET /a/":            `/a/{x...} x=""`,
		"GET /a/b":           "/a/b",
		"GET /a/%62":         "ambiguous_path", // undecoded, it is /a/{x}
		"GET /a/z":           `/a/{x} x="z"`,
		"GET /a/a%20%2fb%25": `/a/{x} x="a /b%"`,
		"GET /a/b/c":         `/a/{x}/c x="b"`,
		"GET /a/b/d":         "/a/b/d",
		"GET /a/b/e":         `/a/{x...} x="b/e"`,
		"GET /a/z/d":         `/a/{x...} x="z/d"`,
		"GET /z/b/c":         `/{x}/b/c x="z"`,
		"GET /z/b/":          "/",
		"GET /s/":            "/s/{$}",
		"GET /s/x/y/":        "/s/",
		"GET /e%2ff/y":       `/e%2Ff/{x} x="y"`,
		"GET /e/f/y":         "/",
	})
}

func TestMatchMethod(t *testing.T) {
	m := matcher(t, routesOf(t,
		"GET /g", "POST /g", "HEAD /h", "GET /h", "GET /any", "/any", "POST /only/{x}", "/only/", "PURGE /only/{y}", "GET /sub/", "POST /sub/{rest...}",
	)...)
	checkMatches(t, m, map[string]string{
		"GET /g":       "GET /g",
		"HEAD /g":      "GET /g",
		"PUT /g":       "method_not_allowed GET, HEAD, POST",
		"get /g":       "method_not_allowed GET, HEAD, POST",
		"HEAD /h":      "HEAD /h",
		"PUT /h":       "method_not_allowed GET, HEAD",
		"HEAD /any":    "GET /any",
		"PUT /any":     "/any",
		"POST /only/1": `POST /only/{x} x="1"`,
		// ServeMux would let this fall to /only/, which asks for less.
		"GET /only/1":     "method_not_allowed POST, PURGE",
		"PURGE /only/1":   `PURGE /only/{y} y="1"`,
		"GET /only/":      "/only/",
		"GET /sub/a/b":    "GET /sub/",
		"POST /sub/a/b":   `POST /sub/{rest...} rest="a/b"`,
		"DELETE /sub/a/b": "method_not_allowed GET, HEAD, POST",
		"GET /nothing":    "no_route",
	})
}

func TestMatchHost(t *testing.T) {
	m := matcher(t, routesOf(t,
		"example.com/a/", "/a/b", "POST Example.com:80/only", "/only", "other.com:8080/a/", "[::1]:443/a/",
	)...)
	checkMatches(t, m, map[string]string{
		"GET example.com/a/b":    "example.com/a/",
		"GET /a/b":               "/a/b",
		"GET other.com/a/b":      "/a/b",
		"GET other.com:8080/a/b": "other.com:8080/a/",
		"GET [::1]/a/b":          "[::1]:443/a/",
		"GET example.com/only":   "method_not_allowed POST",
		"GET other.com/only":     "/only",
		"GET other.com/a/c":      "no_route",
	})
}

func TestMatchNearMiss(t *testing.T) {
	m := matcher(t, routesOf(t,
		"/", "/chat", "/admin/users", "/admin/{x}", "/p/{id}/Keys", "/p/{id}/", "/kiss", "/both", "/both/", "h.com/a", "/dots./x",
		"/loose/{id}/inbox~", "/loose/tree/~",
	)...)
	const ambiguous = "ambiguous_path"
	checkMatches(t, m, map[string]string{
		"GET /chat":              "/chat",
		"GET /Chat":              ambiguous,
		"GET /chat/":             ambiguous,
		"GET /chat.":             ambiguous,
		"GET /chat%20":           ambiguous,
		"GET /chat%2e%20.":       ambiguous,
		"GET /%43hat":            ambiguous,
		"GET /c%2568at":          ambiguous, // decoded twice
		"GET /%25%36%33hat":      ambiguous,
		"GET /chat/x":            "/",
		"GET /.chat":             "/",
		"GET /admin/Users":       ambiguous,
		"GET /admin/users/":      ambiguous,
		"GET /ADMIN/users":       ambiguous,
		"GET /Admin/x":           ambiguous,
		"GET /admin/X":           `/admin/{x} x="X"`,
		"GET /p/Ab./Keys":        `/p/{id}/Keys id="Ab."`,
		"GET /p/Ab/keys":         ambiguous,
		"GET /p/Ab/KEYS/":        ambiguous,
		"GET /p/Ab/other":        `/p/{id}/ id="Ab"`,
		"GET /\u212Aiss":         ambiguous, // Kelvin sign
		"GET /%e2%84%aai%c5%bfs": ambiguous, // and long s
		"GET /both/":             "/both/",
		"GET /both":              "/both",
		"GET /Both/":             ambiguous,
		"GET h.com/A":            ambiguous,
		"GET h.com/a/":           ambiguous,
		"GET /A":                 "/",
		"GET /dots./x":           "/dots./x",
		"GET /dots/x":            ambiguous,

		"GET /loose/A%42/inbox":   `/loose/{id}/inbox~ id="AB"`,
		"GET /Loose/A%42/INBOX./": `/loose/{id}/inbox~ id="AB"`,
		"GET /Loose/Tree/":        "/loose/tree/~",
		"GET /Loose/Tree/A/b":     "/loose/tree/~",
		"GET /loose/tree/Inbox":   "/loose/tree/~",
	})

	// Where nothing else matches, nothing is ambiguous.
	m = matcher(t, routesOf(t, "/chat", "/p/{id}/keys", "POST /loose~")...)
	checkMatches(t, m, map[string]string{
		"GET /chat/":      "no_route",
		"GET /Chat":       "no_route",
		"GET /p/1/Keys":   "no_route",
		"POST /LOOSE/":    "POST /loose~",
		"GET /Loose":      "method_not_allowed POST",
		"GET /p/1/keys/x": "no_route",
	})

	// Where no literal has upper case, ordinary requests are looked up once.
	m = matcher(t, routesOf(t, "/", "/chat/x")...)
	checkMatches(t, m, map[string]string{
		"GET /chat/x":   "/chat/x",
		"GET /chat/x.y": "/",
		"GET /chat/x/":  ambiguous,
		"GET /chat/x.":  ambiguous,
		"GET /chat./x":  ambiguous,
		"GET /chat/X":   ambiguous,
		"GET /chat/%78": ambiguous,
		"GET /chat/%58": ambiguous,
	})

	// Equally near to two paths, or to a path that not all its routes hold
	// loose: refused.
	m = matcher(t, routesOf(t, "/", "/aB~", "/Ab~", "GET /mixed~", "POST /mixed", "GET /other", "POST /other~")...)
	checkMatches(t, m, map[string]string{
		"GET /aB":    "/aB~",
		"GET /Ab":    "/Ab~",
		"GET /ab":    ambiguous,
		"GET /MIXED": ambiguous,
		"GET /OTHER": ambiguous,
		"GET /mixed": "GET /mixed~",
	})
}

// Every character must be near to every other that Unicode folds to it.
func TestMatchFoldsUnicode(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		other := unicode.SimpleFold(r)
		if other == r {
			continue
		}
		m := matcher(t, routesOf(t, "/", "/{x}/"+string(r))...)
		if got := match(m, "GET /1/"+url.PathEscape(string(other))); got != "ambiguous_path" {
			t.Errorf("%c (%U) for %c (%U): %s", other, other, r, r, got)
		}
	}
}

func TestMatchManySiblings(t *testing.T) {
	var patterns []string
	want := map[string]string{"GET /p/other": "no_route", "GET /p/S2": "no_route"}
	for i := range 20 {
		pattern := fmt.Sprintf("/p/s%d", i)
		patterns = append(patterns, pattern)
		want["GET "+pattern] = pattern
	}
	checkMatches(t, matcher(t, routesOf(t, patterns...)...), want)
}

func TestMatchUnrootedPath(t *testing.T) {
	m := matcher(t, routesOf(t, "/")...)
	for _, path := range []string{"", "*", "a", "http://example.com/"} {
		var vals policy.Values
		if _, err := m.Match("OPTIONS", "", path, &vals); policy.ReasonOf(err) != policy.NoRoute {
			t.Errorf("%q: %v", path, err)
		}
	}
	empty := matcher(t)
	if got := match(empty, "GET /"); got != "no_route" {
		t.Errorf("without routes: %s", got)
	}
}

func TestConflicts(t *testing.T) {
	for _, test := range []struct {
		patterns []string
		want     []string
	}{
		{[]string{"GET /a/{x}", "GET /a/{y}"}, []string{`"GET /a/{y}" conflicts with "GET /a/{x}" of route 0: both match GET /a/y`}},
		{[]string{"/a/", "/a/{rest...}"}, []string{`"/a/{rest...}" conflicts with "/a/" of route 0: both match /a/rest`}},
		{[]string{"h.com/%61/{$}", "H.com:80/a/{$}"}, []string{`"H.com:80/a/{$}" conflicts with "h.com/%61/{$}" of route 0: both match h.com/a/`}},
		{[]string{"/a%2Fb", "/x", "/a%2fb"}, []string{`"/a%2fb" conflicts with "/a%2Fb" of route 0: both match /a%2Fb`}},
		// http.ServeMux calls all of these conflicts; the order decides them.
		{[]string{"/a/{x}", "/{x}/b", "GET /{y}/b", "/{x}/{y...}", "/a/b/", "GET /", "/A/{x}", "/a./{x}"}, nil},
		{[]string{"GET /a", "HEAD /a", "/a", "/a/", "/a/{$}", "h.com/a"}, nil},
	} {
		var routes []*policy.Route
		for i, text := range test.patterns {
			routes = append(routes, route(t, strconv.Itoa(i), text))
		}
		var got []string
		m, conflicts := policy.NewMatcher(routes)
		for _, c := range conflicts {
			got = append(got, c.Error())
			if outcome := match(m, "GET "+strings.TrimPrefix(c.Example, "GET ")); !strings.HasPrefix(outcome, "0") {
				t.Errorf("%s: the example goes to %s", c.Error(), outcome)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q:\n%s", test.patterns, diff)
		}
	}
}
