package authn_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"postern/authn"
	"postern/policy"
)

// parts is a request of which authenticators read these.
type parts map[string][]string

func (p parts) Texts(ref policy.Reference) ([]string, error) { return p[ref.String()], nil }
func (p parts) RawBody() ([]byte, error)                     { return nil, nil }

func profileTemplate(t testing.TB, text string) *authn.ProfileTemplate {
	t.Helper()
	template := new(authn.ProfileTemplate)
	if err := template.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return template
}

func profileSettings(t testing.TB, address string, edit func(s *authn.ProfileSettings)) *authn.ProfileSettings {
	t.Helper()
	s := new(authn.ProfileSettings)
	s.SetDefaults()
	s.URL, s.CustomerID = *profileTemplate(t, address), reference(t, "profile.id")
	if edit != nil {
		edit(s)
	}
	var problems policy.Problems
	if s.Check(nil, &problems); problems.List != nil {
		t.Fatalf("settings at fault: %v", problems.List)
	}
	return s
}

// api is a profile API that tells what it was asked.
type api struct {
	*httptest.Server
	asked chan call
}

type call struct{ Method, Target, Authorization, Cookie, Tenant string }

func newAPI(t testing.TB) *api {
	a := &api{asked: make(chan call, 10)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked <- call{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-Tenant")}
		_, _ = w.Write([]byte(`{"id":"ann"}`))
	}))
	t.Cleanup(a.Close)
	return a
}

func newProfile(t testing.TB, s *authn.ProfileSettings) *authn.Profile {
	p := authn.NewProfile("own", s, newCache(&observer{}), tokenBytes)
	t.Cleanup(p.Retire)
	return p
}

// TestProfileURLs: what a request carries is one part of one segment, or of one
// value, whatever it holds.
func TestProfileURLs(t *testing.T) {
	a := newAPI(t)
	p := newProfile(t, profileSettings(t, a.URL+"/users/u-{path.user}/{header.X-Tenant}?id={query.id}&v=1", nil))
	const refused = ""
	for _, test := range []struct{ user, tenant, id, target string }{
		{"ann", "acme", "1", "/users/u-ann/acme?id=1&v=1"},
		{"ann/bob", "acme", "1", "/users/u-ann%2Fbob/acme?id=1&v=1"},
		{"ann?id=2#x", "acme", "1", "/users/u-ann%3Fid=2%23x/acme?id=1&v=1"},
		{"ann", "acme", "1&id=2&v=2#x?y=/", "/users/u-ann/acme?id=1%26id%3D2%26v%3D2%23x%3Fy%3D%2F&v=1"},
		{"ann b", "acme", "a b+c", "/users/u-ann%20b/acme?id=a+b%2Bc&v=1"},
		{"ünï", "%41", "%41", "/users/u-%C3%BCn%C3%AF/%2541?id=%2541&v=1"},
		{"{path.user}", "acme", "1", "/users/u-%7Bpath.user%7D/acme?id=1&v=1"},
		{"..", "...", "..", "/users/u-../...?id=..&v=1"}, // u-.. is a name

		{"ann", ".", "1", refused},
		{"ann", "..", "1", refused},
		{"ann", "../admin", "1", refused},
		{"ann", "a/../../admin", "1", refused},
		{"ann", `a\..\admin`, "1", refused},
		{"ann", "..;x", "1", refused},
		{"ann", "%2e%2e", "1", refused},
		{"ann", "%252e%252e%252fadmin", "1", refused},
		{"x/..", "acme", "1", refused},
		{"ann\r\nX-Admin: 1", "acme", "1", refused},
		{"ann", "acme", "1\x00", refused},
		{"", "acme", "1", refused},
	} {
		_, _, err := p.Verify(t.Context(), authn.Credential{Value: "token", Request: parts{
			"path.user": {test.user}, "header.X-Tenant": {test.tenant}, "query.id": {test.id},
		}}, at)
		if test.target == refused {
			if policy.ReasonOf(err) != policy.MalformedCredential || len(a.asked) > 0 {
				t.Errorf("%+v: %v, asked %d", test, err, len(a.asked))
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		expect(t, test.target, call{"GET", test.target, "Bearer token", "", ""}, <-a.asked)
	}
	twice := parts{"path.user": {"ann"}, "header.X-Tenant": {"acme", "other"}, "query.id": {"1"}}
	if _, _, err := p.Verify(t.Context(), authn.Credential{Value: "token", Request: twice}, at); policy.ReasonOf(err) != policy.MalformedCredential {
		t.Errorf("two tenants: %v", err)
	}
}

func TestProfileHeaders(t *testing.T) {
	a := newAPI(t)
	p := newProfile(t, profileSettings(t, a.URL+"/me", func(s *authn.ProfileSettings) {
		s.Method = http.MethodPost
		s.Headers = map[string]*authn.ProfileTemplate{
			"cookie": profileTemplate(t, "sid={credential}; v=1"), "X-Tenant": profileTemplate(t, "t-{header.X-Tenant}"),
		}
	}))
	for _, test := range []struct {
		credential, tenant string
		want               *call
	}{
		{"token", "acme", &call{"POST", "/me", "", "sid=token; v=1", "t-acme"}},
		{"token", "acme; x, y", &call{"POST", "/me", "", "sid=token; v=1", "t-acme; x, y"}},
		{"token;admin=1", "acme", nil},
		{"token,admin=1", "acme", nil},
		{`"token"`, "acme", nil},
		{"token", "acme\r\nX-Admin: 1", nil},
		{"token", "", nil},
	} {
		_, _, err := p.Verify(t.Context(), authn.Credential{Value: test.credential, Request: parts{"header.X-Tenant": {test.tenant}}}, at)
		if test.want == nil {
			if policy.ReasonOf(err) != policy.MalformedCredential || len(a.asked) > 0 {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		expect(t, test.tenant, *test.want, <-a.asked)
	}
	got := []string{}
	for _, ref := range p.Reads() {
		got = append(got, ref.String())
	}
	expect(t, "reads", []string{"header.X-Tenant"}, got)
}

// TestProfilesAreNotShared: an answer belongs to all that was asked, so that what
// one customer's credential brought is never another's, nor that of another part
// of the API.
func TestProfilesAreNotShared(t *testing.T) {
	s := &server{}
	var targets []string
	s.answer = func(token string) string { return `{"id":"owner of ` + token + `"}` }
	p := authn.NewProfile("own", profileSettings(t, "https://api.example/{path.a}/{path.b}?c={query.c}", func(s *authn.ProfileSettings) {
		s.Headers = map[string]*authn.ProfileTemplate{
			"Authorization": profileTemplate(t, "Bearer {credential}"), "X-One": profileTemplate(t, "{header.X-One}"), "X-Two": profileTemplate(t, "{header.X-Two}"),
		}
	}), newCache(&observer{}), tokenBytes)
	authn.SetTransport(p, s)
	requests := []authn.Credential{}
	for _, token := range []string{"t", "tt", "t\nx"} {
		for _, r := range [][5]string{
			{"a", "b", "c", "d", "e"}, {"ab", "b", "c", "d", "e"}, {"a", "bc", "c", "d", "e"}, {"a", "b", "cd", "d", "e"}, {"a", "b", "c", "de", "e"},
			{"a", "b", "c", "d", "ee"}, {"a", "b", "c", "e", "d"}, {"b", "a", "c", "d", "e"}, {"a/b", "b", "c", "d", "e"}, {"a", "b", "c/d", "d", "e"},
		} {
			requests = append(requests, authn.Credential{Value: token, Request: parts{
				"path.a": {r[0]}, "path.b": {r[1]}, "query.c": {r[2]}, "header.X-One": {r[3]}, "header.X-Two": {r[4]},
			}})
		}
	}
	for round, use := range []authn.CacheUse{authn.CacheMiss, authn.CacheHit} {
		for n, c := range requests {
			got := ask(t.Context(), p, c, at)
			if want := (outcome{Customer: "owner of " + c.Value, Cache: use}); c.Value != "t\nx" && got != want {
				t.Errorf("round %d, request %d: %+v, want %+v", round, n, got, want)
			}
		}
		targets = append(targets, s.questions()...)
	}
	if len(targets) != 20 { // a credential with a line break reaches no API
		t.Errorf("asked %d times", len(targets))
	}
}

func TestProfileAnswers(t *testing.T) {
	const outage = policy.ProfileUnavailable
	for _, test := range []struct {
		status int
		answer string
		want   policy.Reason
	}{
		{200, `{"id":"ann"}`, policy.ReasonNone},
		{200, `{"id":4711}`, policy.ReasonNone},
		{200, `{"id":{"registered":"ann"}}`, policy.ReasonNone},
		{401, `{"id":"ann"}`, policy.InactiveToken},
		{410, ``, policy.InactiveToken},
		{200, `{"id":""}`, policy.MissingClaim},
		{200, `{"name":"Ann"}`, policy.MissingClaim},
		{200, `{"id":"ann","id":"bob"}`, outage},
		{200, `"ann"`, outage},
		{200, ``, outage},
		{200, `<html>please sign in</html>`, outage},
		{201, `{"id":"ann"}`, outage},
		{302, `{"id":"ann"}`, outage},
		{403, `{"id":"ann"}`, outage},
		{404, `{"id":"ann"}`, outage},
		{429, `{"id":"ann"}`, outage},
		{500, `{"id":"ann"}`, outage},
	} {
		p := authn.NewProfile("own", profileSettings(t, "https://api.example/me", func(s *authn.ProfileSettings) {
			s.InactiveOn = policy.OneOrMore[int]{401, 410}
		}), newCache(&observer{}), tokenBytes)
		authn.SetTransport(p, &server{status: test.status, answer: func(string) string { return test.answer }})
		v, got := verify(t, p, "a-long-and-opaque-token")
		if got != test.want {
			t.Errorf("%d %s: %v, want %v", test.status, test.answer, got, test.want)
		}
		if v != nil && (v.Level != policy.Customer || v.Profile["id"] == nil || v.Authenticator != "own") {
			t.Errorf("%s: %+v", test.answer, v.Identity)
		}
	}
}

func TestAffinityOfInquirers(t *testing.T) {
	jws := hs256(t, `{"exp":1000300}`)
	for _, a := range []authn.Authenticator{
		newIntrospection(t, &server{answer: active}, nil),
		newProfile(t, profileSettings(t, "https://api.example/me", nil)),
	} {
		got := []authn.Affinity{a.Affinity(authn.Inspect("opaque", tokenBytes)), a.Affinity(authn.Inspect(jws, tokenBytes)), a.Affinity(authn.Inspect(jws+".x", tokenBytes))}
		if !slices.Equal(got, []authn.Affinity{authn.AnyIssuer, authn.NoAffinity, authn.AnyIssuer}) {
			t.Errorf("%T: %v", a, got)
		}
	}
}
