package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const abuseYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, trusted_proxies: [127.0.0.1, 10.0.0.0/8] }
admin: { listen: "127.0.0.1:0" }
${ABUSE}
upstreams: { data: { url: "${DATA}" } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret, attributes: { project: acme } }] }
  widget-token:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "1", value: "a-secret-of-at-least-thirty-two-bytes" }] }
    algorithms: [HS256]
    customer_id: claims.sub
  orphan: { type: jwt, keys: { jwks_url: "http://${DEAD}" }, algorithms: [ES256], issuer: idp, audience: chat }
routes:
  - { name: open, match: /open, upstream: data, authenticate: [anonymous] }
  - name: project
    match: "POST /projects/{project}"
    upstream: data
    authenticate: [token]
    consistency: [{ identity: attributes.project, request: path.project }]
  - { name: widget, match: /widget, upstream: data, authenticate: [widget-token] }
  - { name: scoped, match: /scoped, upstream: data, authenticate: [widget-token], require: { scopes: [chat] } }
  - { name: reporting, match: /reporting, upstream: data, authenticate: [token], mode: report }
  - { name: orphan, match: /orphan, upstream: data, authenticate: [orphan] }
`

// guarded is a Postern behind a proxy that it trusts, with abuse control.
type guarded struct {
	*testbed
	values map[string]string
}

func newGuarded(t *testing.T, abuse string) guarded {
	values := map[string]string{"ABUSE": abuse, "DATA": newSpy(t, nil).URL, "DEAD": deadAddress(t)}
	return guarded{start(t, abuseYAML, values), values}
}

// from returns what becomes of a request: its status and reason.
func (g guarded) from(client, method, target string, fields ...string) string {
	got := g.send(method, target, append(fields, "X-Forwarded-For: "+client)...)
	return strings.TrimSpace(strconv.Itoa(got.status) + " " + got.header.Get("Postern-Reason"))
}

// lock makes a client fail until it is locked out.
func (g guarded) lock(t *testing.T, client string, failures int) {
	t.Helper()
	want := append(slices.Repeat([]string{"401 unknown_token"}, failures), "429 too_many_failures", "429 too_many_failures")
	var got []string
	for range want {
		got = append(got, g.from(client, http.MethodPost, "/projects/acme", "Authorization: Token guess"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guessing (-want +got):\n%s", diff)
	}
}

func widget(t *testing.T, changes jwt.MapClaims) string {
	claims := jwt.MapClaims{"sub": "ada", "exp": fromNow(time.Hour)}
	return "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "", []byte("a-secret-of-at-least-thirty-two-bytes"), with(claims, changes))
}

// A lockout changes what those are told whose credential was judged and refused,
// and nothing else; only guesses lead to one.
func TestLockout(t *testing.T) {
	const token, guess = "Authorization: Token token-secret", "Authorization: Token guess"
	g := newGuarded(t, "abuse: { failures: 3, window: 1h, lockout: 1h }")
	for i, test := range []struct {
		name, method, target, field string
		before, locked              string
		counts                      bool
	}{
		{"valid credential", "POST", "/projects/acme", token, "200", "200", false},
		{"public route", "GET", "/open", "X-A: b", "200", "200", false},
		{"guess", "POST", "/projects/acme", guess, "401 unknown_token", "429 too_many_failures", true},
		{"bad signature", "GET", "/widget", widget(t, nil) + "AAAA", "401 bad_signature", "429 too_many_failures", true},
		{"malformed credential", "GET", "/widget", "Authorization: JWT a.b", "401 malformed_credential", "429 too_many_failures", true},
		{"another's name", "POST", "/projects/other", token, "403 identity_mismatch", "429 too_many_failures", true},
		{"no credential", "POST", "/projects/acme", "X-A: b", "401 missing_credential", "429 too_many_failures", false},
		{"insufficient scope", "GET", "/scoped", widget(t, nil), "403 insufficient_scope", "429 too_many_failures", false},
		{"expired token", "GET", "/widget", widget(t, jwt.MapClaims{"exp": fromNow(-time.Hour)}), "401 token_expired", "401 token_expired", false},
		{"report mode", "GET", "/reporting", guess, "200", "200", false},
		{"no route", "GET", "/elsewhere", guess, "404 no_route", "404 no_route", false},
		{"malformed request", "GET", "/%2e%2e/", guess, "400 ambiguous_path", "400 ambiguous_path", false},
		{"outage", "GET", "/orphan", "Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJpZHAifQ.AA", "503 keys_unavailable", "503 keys_unavailable", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, locked := fmt.Sprintf("203.0.113.%d", i), fmt.Sprintf("198.51.100.%d", i)
			for range 3 {
				if got := g.from(client, test.method, test.target, test.field); got != test.before {
					t.Errorf("%s, want %s", got, test.before)
				}
			}
			want := "401 unknown_token"
			if test.counts {
				want = "429 too_many_failures"
			}
			if got := g.from(client, "POST", "/projects/acme", guess); got != want {
				t.Errorf("a guess after three of them: %s, want %s", got, want)
			}

			g.lock(t, locked, 3)
			if got := g.from(locked, test.method, test.target, test.field); got != test.locked {
				t.Errorf("locked out: %s, want %s", got, test.locked)
			}
			if got := g.from(locked, "POST", "/projects/acme", token); got != "200" {
				t.Errorf("a valid credential after that: %s", got)
			}
		})
	}
}

// Whose failures are counted is who the trusted proxies say that it is, and not
// what the client says itself.
func TestLockoutIsOfTheClient(t *testing.T) {
	const guess = "Authorization: Token guess"
	for name, test := range map[string]struct {
		fields []string // of the n-th request
		same   bool     // all are one client
	}{
		"what the client put on the left":    {[]string{"X-Forwarded-For: 192.0.2.%d, 203.0.113.9"}, true},
		"in fields of its own":               {[]string{"X-Forwarded-For: 192.0.2.%d", "X-Forwarded-For: 203.0.113.9, 10.0.0.1"}, true},
		"with changing ports":                {[]string{"X-Forwarded-For: 203.0.113.9:4%d"}, true},
		"from a /64 of its own":              {[]string{"X-Forwarded-For: 2001:db8::%d"}, true},
		"with changing zones":                {[]string{"X-Forwarded-For: fe80::1%eth%d"}, true},
		"what is no address behind a proxy":  {[]string{"X-Forwarded-For: unknown-%d, 10.0.0.1"}, true},
		"in Forwarded beside the other":      {[]string{"Forwarded: for=192.0.2.%d", "X-Forwarded-For: 203.0.113.9"}, true},
		"in Forwarded":                       {[]string{`Forwarded: for=192.0.2.%d, for="203.0.113.9:80"`}, true},
		"in what nobody should believe":      {[]string{"X-Real-Ip: 192.0.2.%d", "X-Client-Ip: 192.0.2.%d", "X_Forwarded_For: 192.0.2.%d"}, true},
		"clients of their own":               {[]string{"X-Forwarded-For: 192.0.2.%d"}, false},
		"clients of their own behind others": {[]string{"X-Forwarded-For: 192.0.2.%d, 10.1.2.3, 127.0.0.1"}, false},
		"networks of their own":              {[]string{"X-Forwarded-For: 2001:db8:0:%d::1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, "abuse: { failures: 3, window: 1h, lockout: 1h }")
			var got, want []int
			for n := range 5 {
				fields := []string{guess}
				for _, field := range test.fields {
					fields = append(fields, strings.ReplaceAll(field, "%d", strconv.Itoa(n)))
				}
				got = append(got, g.send(http.MethodPost, "/projects/acme", fields...).status)
				want = append(want, 401)
			}
			if test.same {
				want[3], want[4] = 429, 429
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A reload that leaves abuse control as it is forgets nobody; off, it counts
// nothing.
func TestLockoutAndReload(t *testing.T) {
	const client, guess = "203.0.113.9", "Authorization: Token guess"
	g := newGuarded(t, "abuse: { failures: 3, window: 1h, lockout: 1h }")
	g.lock(t, client, 3)
	for _, step := range []struct{ abuse, want string }{
		{"abuse: { failures: 3, window: 60m, lockout: 60m } # the same", "429 too_many_failures"},
		{"", "401 unknown_token"},
		{"abuse: { failures: 3, window: 1h, lockout: 2h }", "401 unknown_token"},
	} {
		g.values["ABUSE"] = step.abuse
		g.configure(abuseYAML, g.values)
		if err := g.app.reload(); err != nil {
			t.Fatal(err)
		}
		if got := g.from(client, http.MethodPost, "/projects/acme", guess); got != step.want {
			t.Errorf("%s: %s, want %s", step.abuse, got, step.want)
		}
	}
}
