package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What explain says of the upstream's request is what the upstream gets.
func TestExplainTellsWhatTheUpstreamGets(t *testing.T) {
	spy := newSpy(t, nil)
	b := start(t, anyPort+`
upstreams: { data: { url: "${SPY}" } }
authenticators:
  app: { type: token, scheme: Token, tokens: [{ id: a, value: token-of-the-app, attributes: { project: acme } }] }
  query: { type: token, from: [{ query: token }], tokens: [{ id: q, value: token-in-the-query }] }
identity_headers: { X-Project: "{attributes.project}", X-Level: "{level}" }
strip: { headers: [X-Internal] }
routes:
  - match: POST /v1/projects/{project}/events
    upstream: data
    authenticate: [app]
    strip_prefix: /v1
    add_prefix: /api
    preserve_host: false
    consistency: [{ identity: attributes.project, request: path.project }, { identity: attributes.project, request: body.project }]
  - { match: GET /q, upstream: data, authenticate: [query] }
`, map[string]string{"SPY": spy.URL})
	for _, r := range []refusal{
		{method: "POST", target: "/v1/projects/acme/events?a=%20b&a=c", body: `{"project":"acme"}`, fields: []string{
			"Authorization: Token token-of-the-app", "Content-Type: application/json", "x_project: forged", "X-Level: customer",
			"X-Internal: 1", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9", "Connection: keep-alive", "Accept: */*",
		}},
		{method: "GET", target: "/q?a=1&token=token-in-the-query&b=2", fields: []string{"Cookie: a=b", "User-Agent: test", "Te: trailers"}},
	} {
		if got := b.exchange(b.request(r.method, r.target, strings.NewReader(r.body), r.fields...)); got.status != 200 {
			t.Fatalf("%s: status %d", r.target, got.status)
		}
		got := spy.next(t)
		report, text := explained(t, b.file, r.commandLine()...)
		if strings.Contains(text, "token-") {
			t.Errorf("a token is told: %s", text)
		}
		want := append(lines(got.header), got.method+" "+spy.URL+got.target)
		up := report.Upstream
		told := append([]string{up.Method + " " + up.URL}, slices.Concat(up.Set, up.Passed)...)
		for _, list := range [][]string{want, told} {
			slices.Sort(list)
			for i, line := range list {
				name, value, _ := strings.Cut(line, ": ")
				switch name {
				case "X-Request-Id", "X-Forwarded-Host", "User-Agent", "Accept-Encoding":
					list[i] = name // it is of the client of the test, or random
				case "Cookie":
					list[i] = name + ": " + strconv.Itoa(strings.Count(value, "="))
				}
			}
		}
		want = slices.DeleteFunc(want, func(line string) bool { return line == "User-Agent" })
		told = slices.DeleteFunc(told, func(line string) bool { return line == "User-Agent" })
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-received +told):\n%s", r.target, diff)
		}
	}
}
