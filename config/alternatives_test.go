package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/config"
)

// alternativesYAML has an authenticator for everything that alternatives and
// carriers can get wrong; each test adds a route.
const alternativesYAML = `
limits: { in_flight_body_bytes: 1MiB }
upstreams: { chat: { url: "http://127.0.0.1:1" } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: a, value: x }] }
  person: { type: token, header: X-Person, tokens: [{ id: a, value: x, attributes: { user: u } }], customer_id: attributes.user }
  bare: { type: token, scheme: "", tokens: [] }
  query: { type: token, from: [{ query: token }], tokens: [] }
  apart: { type: token, header: X-Apart, tokens: [] }
  cookie: { type: token, from: [{ cookie: session }], tokens: [] }
  nested: { type: token, from: [{ body: auth.token }], tokens: [] }
  listed: { type: token, from: [{ body: "auth[0]" }], tokens: [] }
  plain: { type: token, from: [{ body: token }], tokens: [] }
  a: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k1, value: a-secret-of-at-least-thirty-two-bytes }] }, issuer: [i1, i2], customer_id: claims.sub }
  b: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k2, value: b-secret-of-at-least-thirty-two-bytes }] }, issuer: [i2, i3] }
  c: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k2, value: c-secret-of-at-least-thirty-two-bytes }] }, issuer: i4 }
  d: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k1, value: d-secret-of-at-least-thirty-two-bytes }] } }
  e: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k2, value: e-secret-of-at-least-thirty-two-bytes }] } }
  f: { type: jwt, algorithms: [HS256], keys: { secrets: [{ id: k1, value: f-secret-of-at-least-thirty-two-bytes }] } }
  schemed: { type: jwt, algorithms: [HS256], keys: { secrets: [] }, from: [{ query: token, scheme: JWT }] }
  unschemed: { type: jwt, algorithms: [HS256], keys: { secrets: [] }, from: [{ query: token }] }
routes:
  - { match: /, upstream: chat, `

func TestAlternatives(t *testing.T) {
	for route, want := range map[string][]string{
		`authenticate: [token, a]`:                        nil,
		`authenticate: [[token, person], query]`:          nil,
		`authenticate: [a, c]`:                            nil,
		`authenticate: [a, d, anonymous]`:                 nil,
		`authenticate: [d, e]`:                            nil,
		`authenticate: [query, unschemed]`:                nil, // a JWT for the one, anything else for the other
		`authenticate: [[token, person], [query, apart]]`: nil,

		`authenticate: []`:                   {`routes[0]: authenticate is missing: name authenticators, or [anonymous] for a public route`},
		`authenticate: [[]]`:                 {`routes[0].authenticate[0]: an empty group would let everything through`},
		`authenticate: [[token, token]]`:     {`routes[0].authenticate[0]: token stands twice`},
		`authenticate: [token, [token]]`:     {`routes[0].authenticate[1]: token stands twice`},
		`authenticate: [[token, anonymous]]`: {`routes[0].authenticate[0]: anonymous cannot be a member of a group`},
		`authenticate: [[anonymous, token]]`: {`routes[0].authenticate[0]: anonymous cannot be a member of a group`},
		`authenticate: [[a, person]]`:        {`routes[0].authenticate[0]: a and person both name a customer`},
		`authenticate: [[a, c]]`:             {`routes[0].authenticate[0]: a and c are carried in the same place, so that no request can carry both`},

		`authenticate: [a, b]`:           {`routes[0].authenticate: a and b are carried in the same place and cannot be told apart: both accept the issuer i2`},
		`authenticate: [d, f]`:           {`routes[0].authenticate: d and f are carried in the same place and cannot be told apart: neither has an issuer, nor do the ids of their keys tell`},
		`authenticate: [bare, token]`:    {`routes[0].authenticate: bare and token are carried in the same place and cannot be told apart: both are static tokens`},
		`authenticate: [bare, a]`:        {`routes[0].authenticate: bare and a are carried in the same place and cannot be told apart: they want different schemes there`},
		`authenticate: [query, schemed]`: {`routes[0].authenticate: query and schemed are carried in the same place and cannot be told apart: they want different schemes there`},

		`authenticate: [cookie]`:                             {`routes[0]: origins is missing: cookie reads a cookie, which a browser sends whichever page asks`},
		`authenticate: [cookie, anonymous]`:                  {`routes[0]: origins is missing: cookie reads a cookie, which a browser sends whichever page asks`},
		`authenticate: [cookie], origins: []`:                nil,
		`authenticate: [cookie], origins: https://a.example`: nil,
		`authenticate: [cookie], origins: [https://a.example/, "*"]`: {
			`routes[0].origins[0]: "https://a.example/" is no origin: use scheme://host or scheme://host:port, in lower case`,
			`routes[0].origins[1]: "*" is no origin: use scheme://host or scheme://host:port, in lower case`,
		},
		`authenticate: [anonymous], pass_authorization: true`:        nil,
		`authenticate: [token], pass_authorization: true`:            {`routes[0].pass_authorization: only a public route, authenticate: [anonymous], can leave credentials to its backend`},
		`authenticate: [token, anonymous], pass_authorization: true`: {`routes[0].pass_authorization: only a public route, authenticate: [anonymous], can leave credentials to its backend`},

		`authenticate: [nested], body_limit: 64KiB`:            nil,
		`authenticate: [plain], body: form, body_limit: 1KiB`:  nil,
		`authenticate: [nested], body: form, body_limit: 1KiB`: {`routes[0].authenticate: nested reads body.auth.token, but a form has no members inside others`},
		`authenticate: [nested, listed], body_limit: 1KiB`:     {`routes[0].authenticate: listed reads body.auth[0]: another path needs an object where this one needs a list, or the other way round`},
		`authenticate: [a], body_limit: 1KiB, consistency: [{ request: body.a.b }, { request: "body.a[0]" }]`: {
			`routes[0].consistency[1].request: a[0]: another path needs an object where this one needs a list, or the other way round`,
		},
		`authenticate: [a], body: form, body_limit: 1KiB, consistency: [{ request: body.a.b }]`: {
			`routes[0].consistency[0].request: a form has no members inside others: name one, as body.<name> or body["<name>"]`,
		},
		`authenticate: [a], body: xml`:     {"routes[0].body: wants json or form"},
		`authenticate: [a], body_limit: 0`: {`routes[0].body_limit: wants 1B to 1GiB`},
		// What is never read needs no room.
		`authenticate: [a], body_limit: 1GiB`: nil,
		`authenticate: [nested], body_limit: 65KiB`: {
			`routes[0].body_limit: 66560 bytes are more than a sixteenth of limits.in_flight_body_bytes: bodies that are read before a credential is verified share a quarter of it`,
		},
		`authenticate: [a], consistency: [{ request: body.id }]`: {
			`routes[0].body_limit: 1048576 bytes are more than a quarter of limits.in_flight_body_bytes: such a body has no room beside what it is decoded to`,
		},

		`authenticate: [a], consistency: [{ request: query.a, op: equals }]`:             {"routes[0].consistency[0].op: wants equal or in"},
		`authenticate: [a], consistency: [{ request: query.a, unsigned_ids: [cookie] }]`: {`routes[0].consistency[0].unsigned_ids: says something only of an object of ids in a body`},
		`authenticate: [a], strip: { headers: [Cookie, X_A], query: [""] }`: {
			`routes[0].strip.headers[0]: "Cookie" cannot be stripped: use the name of a plain header`,
			`routes[0].strip.headers[1]: "X_A" cannot be stripped: use the name of a plain header`,
			`routes[0].strip.query[0]: the name is empty`,
		},

		// A client may not choose what the backend is told.
		`authenticate: [a], body_limit: 1KiB, consistency: [{ request: body.id }], identity_headers: { X-Id: "{body.id}" }`: nil,
		`authenticate: [a], identity_headers: { X-Id: "{body.id}" }`: {
			`routes[0].identity_headers.X-Id: no required rule of this route compares body.id, so that a client could choose it`,
		},
		`authenticate: [a], body_limit: 1KiB, consistency: [{ request: body.id, required: false }], identity_headers: { X-Id: "{body.id}" }`: {
			`routes[0].identity_headers.X-Id: no required rule of this route compares body.id, so that a client could choose it`,
		},
		`authenticate: [a], body_limit: 1KiB, consistency: [{ request: body.id, when: [customer] }], identity_headers: { X-Id: "{body.id}" }`: {
			`routes[0].identity_headers.X-Id: no required rule of this route compares body.id, so that a client could choose it`,
		},
		`authenticate: [a], body_limit: 1KiB, consistency: [{ request: body.ids, unsigned_ids: [cookie] }], identity_headers: { X-Id: "{body.ids}" }`: {
			`routes[0].identity_headers.X-Id: no required rule of this route compares body.ids, so that a client could choose it`,
		},
	} {
		file := filepath.Join(t.TempDir(), "postern.yaml")
		if err := os.WriteFile(file, []byte(alternativesYAML+route+" }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file, noEnv)
		var got []string
		if faults, ok := errors.AsType[config.Errors](err); ok {
			for _, fault := range faults {
				got = append(got, fault.Message)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", strings.TrimSpace(route), diff)
		}
	}
}
