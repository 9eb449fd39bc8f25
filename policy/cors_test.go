package policy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

const (
	shop  = "https://shop.example.com"
	local = "http://localhost:8080"
)

func cors(t *testing.T, edit func(*policy.CORSSettings)) *policy.CORS {
	t.Helper()
	var s policy.CORSSettings
	s.SetDefaults()
	s.Origins = policy.OneOrMore[string]{shop, local}
	if edit != nil {
		edit(&s)
	}
	var problems policy.Problems
	s.Check(nil, &problems)
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	return policy.NewCORS(&s)
}

func anywhere(s *policy.CORSSettings) { s.Origins = policy.OneOrMore[string]{"*"} }

// fields makes a header of name, value pairs; values are split at "|".
func fields(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = strings.Split(pairs[i+1], "|")
	}
	return h
}

func TestRequestedMethod(t *testing.T) {
	const origin, requested = "Origin", "Access-Control-Request-Method"
	for _, test := range []struct {
		method string
		header http.Header
		want   string
	}{
		{"OPTIONS", fields(origin, shop, requested, "PUT"), "PUT"},
		{"OPTIONS", fields(origin, "null", requested, "patch"), "patch"},
		{"OPTIONS", fields(origin, shop), ""},
		{"OPTIONS", fields(requested, "PUT"), ""},
		{"OPTIONS", fields(origin, shop, requested, ""), ""},
		{"OPTIONS", fields(origin, shop+"|"+shop, requested, "PUT"), ""},
		{"OPTIONS", fields(origin, shop, requested, "PUT|GET"), ""},
		{"GET", fields(origin, shop, requested, "PUT"), ""},
		{"options", fields(origin, shop, requested, "PUT"), ""},
	} {
		if got := policy.RequestedMethod(test.method, test.header); got != test.want {
			t.Errorf("%s %v: got %q, want %q", test.method, test.header, got, test.want)
		}
	}
}

func TestPreflight(t *testing.T) {
	const vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	granted := func(origin string, more ...string) http.Header {
		return fields(append([]string{
			"Vary", vary, "Access-Control-Allow-Origin", origin, "Access-Control-Allow-Methods", "GET, HEAD, POST",
			"Access-Control-Allow-Headers", "Authorization, Content-Type", "Access-Control-Max-Age", "600",
		}, more...)...)
	}
	refused := fields("Vary", vary)
	for name, test := range map[string]struct {
		edit                    func(*policy.CORSSettings)
		origin, method, headers string
		want                    http.Header
	}{
		"allowed":                {nil, shop, "POST", "authorization,content-type", granted(shop)},
		"the second origin":      {nil, local, "GET", "", granted(local)},
		"spaces and lines":       {nil, shop, "POST", "authorization, content-type|authorization", granted(shop)},
		"header in another case": {nil, shop, "POST", "AUTHORIZATION", granted(shop)},
		"any origin":             {anywhere, "https://elsewhere.example", "POST", "authorization", granted("*")},
		"any origin, of a file":  {anywhere, "null", "POST", "", granted("*")},
		"with credentials": {func(s *policy.CORSSettings) { s.Credentials = true }, shop, "POST", "",
			granted(shop, "Access-Control-Allow-Credentials", "true")},
		"own lists": {func(s *policy.CORSSettings) {
			s.Methods, s.Headers, s.MaxAge = policy.OneOrMore[string]{"PATCH"}, nil, policy.Duration(90*time.Second)
		}, shop, "PATCH", "", fields("Vary", vary, "Access-Control-Allow-Origin", shop, "Access-Control-Allow-Methods", "PATCH", "Access-Control-Max-Age", "90")},

		"unknown origin":            {nil, "https://evil.example", "POST", "", refused},
		"null":                      {nil, "null", "POST", "", refused},
		"origin with a suffix":      {nil, shop + ".evil.example", "POST", "", refused},
		"origin with a prefix":      {nil, "https://evil.example/" + shop, "POST", "", refused},
		"origin of another scheme":  {nil, "http://shop.example.com", "POST", "", refused},
		"origin on another port":    {nil, shop + ":8443", "POST", "", refused},
		"origin in another case":    {nil, "https://SHOP.example.com", "POST", "", refused},
		"star where none is meant":  {nil, "*", "POST", "", refused},
		"no origin at all":          {func(s *policy.CORSSettings) { s.Origins = policy.OneOrMore[string]{} }, shop, "POST", "", refused},
		"unknown method":            {nil, shop, "DELETE", "", refused},
		"method in another case":    {nil, shop, "post", "", refused},
		"unknown header":            {nil, shop, "POST", "authorization,x-other", refused},
		"unknown header on a line":  {nil, shop, "POST", "authorization|x-other", refused},
		"star is no name of a page": {nil, shop, "POST", "*", refused},
	} {
		request := fields("Origin", test.origin, "Access-Control-Request-Method", test.method)
		if test.headers != "" {
			request["Access-Control-Request-Headers"] = strings.Split(test.headers, "|")
		}
		c := cors(t, test.edit)
		if diff := cmp.Diff(test.want, c.Preflight(request)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		reason := policy.ReasonNone
		if test.want.Get("Access-Control-Allow-Origin") == "" {
			reason = policy.OriginNotAllowed
		}
		if got := policy.ReasonOf(c.CheckPreflight(request)); got != reason {
			t.Errorf("%s: got %v, want %v", name, got, reason)
		}
	}
}

func TestCORSApply(t *testing.T) {
	const exposed = "Postern-Reason, Retry-After, WWW-Authenticate"
	for name, test := range map[string]struct {
		edit         func(*policy.CORSSettings)
		origin       string
		answer, want http.Header
	}{
		"allowed": {nil, shop, fields(),
			fields("Vary", "Origin", "Access-Control-Allow-Origin", shop, "Access-Control-Expose-Headers", exposed)},
		"credentials": {func(s *policy.CORSSettings) { s.Credentials = true }, shop, fields(),
			fields("Vary", "Origin", "Access-Control-Allow-Origin", shop, "Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", exposed)},
		"any": {anywhere, shop, fields(), fields("Access-Control-Allow-Origin", "*", "Access-Control-Expose-Headers", exposed)},
		"in place of the backend's": {nil, shop,
			fields("Vary", "Accept", "Access-Control-Allow-Origin", "*", "Access-Control-Allow-Credentials", "true", "Access-Control-Allow-Methods", "DELETE", "X-Other", "a"),
			fields("Vary", "Accept|Origin", "Access-Control-Allow-Origin", shop, "Access-Control-Expose-Headers", exposed, "X-Other", "a")},
		"what the backend exposes": {nil, shop, fields("Access-Control-Expose-Headers", "X-Total"),
			fields("Vary", "Origin", "Access-Control-Allow-Origin", shop, "Access-Control-Expose-Headers", exposed+"|X-Total")},
		"unknown origin": {nil, "https://evil.example", fields("Access-Control-Allow-Origin", "https://evil.example", "Access-Control-Expose-Headers", "X-Total"),
			fields("Vary", "Origin")},
		"two origins": {nil, shop + "|" + local, fields(), fields("Vary", "Origin")},
		"no page":     {nil, "", fields("Access-Control-Allow-Origin", "*"), fields("Vary", "Origin")},
	} {
		request := fields()
		if test.origin != "" {
			request = fields("Origin", test.origin)
		}
		cors(t, test.edit).Apply(test.answer, request)
		if diff := cmp.Diff(test.want, test.answer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Without a policy the backend's own stands.
func TestNoCORS(t *testing.T) {
	answer := fields("Access-Control-Allow-Origin", "*")
	policy.NewCORS(nil).Apply(answer, fields("Origin", shop))
	if diff := cmp.Diff(fields("Access-Control-Allow-Origin", "*"), answer); diff != "" {
		t.Error(diff)
	}
}
