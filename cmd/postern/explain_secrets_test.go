package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// Wherever a credential stands, also where it is passed on, or compared by a rule, it
// is not in an explanation. Neither is a secret of the configuration.
func TestExplainHidesCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "postern.yaml")
	writeConfig(t, file, `
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators:
  key: { type: token, header: X-Api-Key, scheme: "", forward_credential: true, tokens: [{ id: a, value: secret-in-a-header, attributes: { key: secret-in-a-header } }] }
  query: { type: token, from: [{ query: token }], forward_credential: true, tokens: [{ id: a, value: secret-in-a-query }] }
  cookie: { type: token, from: [{ cookie: session }], forward_credential: true, tokens: [{ id: a, value: secret-in-a-cookie }] }
  protocol: { type: token, from: [{ websocket_protocol: bearer }], forward_credential: true, tokens: [{ id: a, value: secret-in-a-protocol }] }
  body: { type: token, from: [{ body: auth.token }], tokens: [{ id: a, value: secret-in-a-body, attributes: { key: secret-in-a-body } }] }
  basic: { type: token, scheme: Basic, basic: pair, tokens: [{ id: a, value: "ann:secret-of-ann" }] }
  remote:
    type: jwt
    scheme: JWT
    keys: { jwks_url: "https://idp.example/jwks?key=secret-of-a-url" }
    algorithms: [ES256]
    issuer: i
    audience: a
  shared: { type: jwt, scheme: Shared, keys: { secrets: [{ id: s, value: secret-shared-by-two-of-32-bytes }] }, algorithms: [HS256] }
  opaque: { type: introspection, scheme: Opaque, url: "https://idp.example/introspect", client_id: p, client_secret: secret-of-postern, audience: a }
routes:
  - { match: /header, upstream: data, authenticate: [key], consistency: [{ identity: attributes.key, request: header.X-Api-Key }] }
  - { match: /query, upstream: data, authenticate: [query] }
  - { match: /cookie, upstream: data, authenticate: [cookie], origins: ["https://shop.example"] }
  - { match: /protocol, upstream: data, authenticate: [protocol] }
  - { match: /body, upstream: data, authenticate: [body], consistency: [{ identity: attributes.key, request: body.auth.token }] }
  - { match: /basic, upstream: data, authenticate: [basic] }
  - { match: /remote, upstream: data, authenticate: [remote, shared, opaque] }
  - { match: /passed, upstream: data, authenticate: [anonymous], pass_authorization: true }
`, nil)
	token := signed(t, jwt.SigningMethodHS256, "", []byte("secret-of-somebody-else-32-bytes"), jwt.MapClaims{"sub": "ann"})
	for _, arguments := range [][]string{
		{"GET", "/header", "-H", "X-Api-Key: secret-in-a-header"},
		{"GET", "/header", "-H", "x_api_key: secret-in-an-alias"},
		{"GET", "/query?token=secret-in-a-query&a=b"},
		{"GET", "/query?Token=secret-in-an-alias"},
		{"GET", "/cookie", "-H", "Cookie: a=b; session=secret-in-a-cookie"},
		{"GET", "/protocol", "-H", "Sec-WebSocket-Protocol: bearer, secret-in-a-protocol, chat"},
		{"POST", "/body", "-d", `{"auth":{"token":"secret-in-a-body"}}`},
		{"GET", "/basic", "-H", "Authorization: Basic YW5uOnNlY3JldC1vZi1hbm4="},
		{"GET", "/basic", "-H", "Authorization: secret-without-a-scheme"},
		{"GET", "/remote", "-H", "Authorization: JWT " + token},
		{"GET", "/remote", "-H", "Authorization: Shared " + token},
		{"GET", "/remote", "-H", "Authorization: Opaque secret-of-somebody"},
		{"GET", "/remote", "-H", "Authorization: JWT " + signed(t, jwt.SigningMethodES256, "k", newSigningKey(t), jwt.MapClaims{"iss": "i"})},
		{"GET", "/passed?token=secret-in-a-query"},
		{"GET", "/passed", "-H", "Authorization: Whatever secret-of-the-backend", "-H", "X-Other: " + token},
		{"GET", "/nowhere?token=secret-in-a-query", "-H", "Authorization: secret-of-somebody"},
	} {
		for _, form := range []string{"--json=false", "--json"} {
			var out, errs bytes.Buffer
			if code := run(t.Context(), append([]string{"explain", "--config", file, form}, arguments...), &out, &errs); code != exitDone {
				t.Fatalf("%v: exit code %d: %s", arguments, code, &errs)
			}
			told := out.String()
			for _, secret := range []string{"secret-", "c2VjcmV0", "OnNlY3JldC", token[strings.LastIndex(token, ".")+1:]} {
				if strings.Contains(told, secret) {
					t.Errorf("%v: %q is told:\n%s", arguments, secret, told)
				}
			}
		}
	}
}
