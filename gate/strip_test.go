package gate_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/policy"
)

// passed is what the upstream receives of the places where credentials stand.
type passed struct {
	Query  string
	Header http.Header
}

func passedOn(t testing.TB, g *gate.Gate, line string, fields ...string) passed {
	t.Helper()
	r := request(t, line, fields...)
	d := new(gate.Decision)
	g.Decide(t.Context(), r, d)
	if d.Denial != nil {
		t.Fatalf("%s %q: %v", line, fields, d.Denial)
	}
	u, header := *r.URL, r.Header.Clone()
	d.Outbound(header, &u)
	return passed{u.RawQuery, header}
}

func stripGate(t testing.TB) *gate.Gate {
	t.Helper()
	by := carriers(t)
	scheme := "JWT"
	for name, from := range map[string]authn.FromSettings{
		"kept-query": {Query: "token2", Scheme: &scheme}, "kept-cookie": {Cookie: "session2"}, "kept-socket": {WebsocketProtocol: "bearer2"}, "kept-header": inHeader("X-Kept", ""),
	} {
		by[name] = static(t, name, nil, from)
	}
	yes := true
	settings := []policy.RouteSettings{
		route(t, "/public", []string{"anonymous"}),
		route(t, "/own", []string{"anonymous"}),
		route(t, "/strip", []string{"anonymous"}),
		route(t, "/query", []string{"query"}), route(t, "/cookie", []string{"cookie"}), route(t, "/socket", []string{"socket"}),
		route(t, "/kept-query", []string{"kept-query"}), route(t, "/kept-cookie", []string{"kept-cookie"}),
		route(t, "/kept-socket", []string{"kept-socket"}), route(t, "/kept-header", []string{"kept-header"}),
	}
	settings[1].PassAuthorization = true
	settings[1].Strip = policy.Strip{Headers: []string{"x-api-key"}, Query: []string{"debug"}, Cookies: []string{"trace"}}
	settings[2].Strip = policy.Strip{Headers: []string{"X-Debug"}, Query: []string{"debug"}, Cookies: []string{"trace"}}
	for i := 6; i < len(settings); i++ {
		settings[i].ForwardCredential = &yes
	}
	return compile(t, settings, nil, by)
}

func TestWhatReachesTheUpstream(t *testing.T) {
	g := stripGate(t)
	socket := func(values ...string) http.Header { return http.Header{"Sec-Websocket-Protocol": values} }
	cookies := func(values ...string) http.Header { return http.Header{"Cookie": values} }
	for _, test := range []struct {
		line   string
		header []string
		want   passed
	}{
		// A query keeps its order, its encoding and its empty parameters.
		{"GET /public?b=%7e&a=+1&token=x&&c&a=%2B2&key=y&=&t", nil, passed{"b=%7e&a=+1&&c&a=%2B2&=", http.Header{}}},
		{"GET /public?tok%65n=x", nil, passed{"", http.Header{}}},
		{"GET /public?token=x&token=y", nil, passed{"", http.Header{}}},
		{"GET /query?a=1&token=JWT%20query-secret&b=2", nil, passed{"a=1&b=2", http.Header{}}},
		{"GET /kept-query?a=1&token2=JWT%20kept%2dquery-secret&token=x&b=2", nil, passed{"a=1&token2=JWT%20kept%2dquery-secret&b=2", http.Header{}}},

		// Cookies likewise; a header of which nothing is removed is not touched.
		{"GET /public", []string{"Cookie: z=1;a=\"2\"; session=x; c=d; b=%20 ", "Cookie: session=y; k=l"}, passed{"", cookies(`z=1; a="2"; b=%20; k=l`)}},
		{"GET /public", []string{"Cookie: z=1;a=2 ;; b"}, passed{"", cookies("z=1;a=2 ;; b")}},
		{"GET /public", []string{"Cookie: z=1;a=2", "Cookie: b=3"}, passed{"", cookies("z=1;a=2", "b=3")}},
		{"GET /public", []string{"Cookie: session=x"}, passed{"", http.Header{}}},
		{"GET /public", []string{"Cookie: c; session"}, passed{"", http.Header{}}},
		{"GET /cookie", []string{"Cookie: a=b; session=cookie-secret; x=y"}, passed{"", cookies("a=b; x=y")}},
		{"GET /kept-cookie", []string{"Cookie: session2=kept-cookie-secret;session=x;a=b"}, passed{"", cookies("session2=kept-cookie-secret; a=b")}},

		// Some backends split cookies at commas and spaces; PHP takes a space for _.
		{"GET /public", []string{`Cookie: a=b, session=x; c=d session=y; e="session=z"; f=sessions; session g=h`}, passed{"", cookies("f=sessions")}},

		// Of subprotocols the marker goes with the credential.
		{"GET /public", []string{"Sec-WebSocket-Protocol: chat,bearer, x , v2"}, passed{"", socket("chat, v2")}},
		{"GET /public", []string{"Sec-WebSocket-Protocol: BEARER,, x"}, passed{"", http.Header{}}},
		{"GET /public", []string{"Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: bearer", "Sec-WebSocket-Protocol: x"}, passed{"", socket("chat")}},
		{"GET /public", []string{"Sec-WebSocket-Protocol: chat,v2"}, passed{"", socket("chat,v2")}},
		{"GET /socket", []string{"Sec-WebSocket-Protocol: bearer, socket-secret"}, passed{"", http.Header{}}},
		{"GET /socket", []string{"Sec-WebSocket-Protocol: chat, bearer, socket-secret"}, passed{"", socket("chat")}},
		{"GET /kept-socket", []string{"Sec-WebSocket-Protocol: chat, bearer2,kept-socket-secret, p, x"}, passed{"", socket("chat, bearer2, kept-socket-secret")}},
		{"GET /kept-socket", []string{"Sec-WebSocket-Protocol: chat,bearer2,kept-socket-secret"}, passed{"", socket("chat,bearer2,kept-socket-secret")}},

		// A route whose backend has its own credentials gets them all.
		{
			"GET /own?token=x&debug=1", []string{"Authorization: Basic YTpi", "X-Api-Key: k", "X-Key: k", "Cookie: session=x; trace=1", "Sec-WebSocket-Protocol: bearer, x"},
			passed{"token=x", http.Header{"Authorization": {"Basic YTpi"}, "X-Key": {"k"}, "Cookie": {"session=x"}, "Sec-Websocket-Protocol": {"bearer, x"}}},
		},
		{
			"GET /strip?debug=1&a=b&DEBUG=2&d%65bug", []string{"X-Debug: 1", "X_Debug: 2", "x-debug: 3", "Cookie: a=b; trace=1; Trace=2", "X-Debugger: 1"},
			passed{"a=b", http.Header{"Cookie": {"a=b"}, "X-Debugger": {"1"}}},
		},

		// What PHP, qs or a case-blind backend reads under one of the names goes, too.
		{"GET /public?token[]=x&tokens=1&to.ken=2&Token=x&token.a=x&%20token=x&a[token]=3", nil, passed{"tokens=1&to.ken=2&a[token]=3", http.Header{}}},
		{"GET /strip?de.bug=1&debug%5Ba=1&debug.x=1", []string{"Cookie: trace.x=1; tra=2; TRACE=1"}, passed{"de.bug=1", cookies("tra=2")}},
		{"GET /public", []string{"Sec-WebSocket-Protocol: bearer, bearer, x, chat"}, passed{"", socket("chat")}},
		{"GET /kept-header", []string{"X-Kept: kept-header-secret", "X-Key: k", "Authorization: Bearer x"}, passed{"", http.Header{"X-Kept": {"kept-header-secret"}}}},
	} {
		if diff := cmp.Diff(test.want, passedOn(t, g, test.line, test.header...)); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", test.line, test.header, diff)
		}
	}
}

// FuzzStrip holds that a query loses the parameters that carry credentials, by
// the reading of net/url, and of others none whose name has nothing of theirs.
func FuzzStrip(f *testing.F) {
	for _, seed := range []string{"a=1&token=x&b", "tok%65n=x&a", "&&token&=", "token=&TOKEN=1", "a=%26token=x", "token%5b%5d=x&token"} {
		f.Add(seed)
	}
	g := stripGate(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := &gate.Request{Method: http.MethodGet, Host: "example.com", Target: "/public", URL: &url.URL{Path: "/public", RawQuery: query}, Header: http.Header{}, Time: now}
		d := new(gate.Decision)
		if g.Decide(t.Context(), r, d); d.Denial != nil {
			return
		}
		u := *r.URL
		d.Outbound(http.Header{}, &u)
		want, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("net/url refuses %q, which was allowed: %v", query, err)
		}
		got, err := url.ParseQuery(u.RawQuery)
		for name := range want {
			lost := false
			for _, credential := range []string{"token", "token2", "key", "t"} {
				if name == credential {
					delete(want, name)
				}
				lost = lost || strings.Contains(strings.ToLower(strings.ToUpper(name)), credential)
			}
			if lost && !got.Has(name) {
				delete(want, name)
			}
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q became %q: %v\n%s", query, u.RawQuery, err, diff)
		}
	})
}
