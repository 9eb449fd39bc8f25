package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/proxy"
)

// Every value here holds the word, or its encodings: nothing that comes out may.
const secretsYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0", token: hush-of-the-admin }
opaque_id: { key: hush-of-the-opaque-ids-which-is-sixty-four-bytes-long-as-it-must }
upstreams: { data: { url: "${DATA}" }, dead: { url: "http://${DEAD}" } }
authenticators:
  project-token:
    type: token
    scheme: Token
    tokens:
      - { id: mobile, value: hush-of-the-project }
      - { id: digest, value: { sha256: "${DIGEST}" } }
  widget-token:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "2026-11", value: hush-of-the-widget-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
    claims: { kind: visitor }
  customer-token:
    type: jwt
    keys: { jwks_url: "http://${DEAD}/keys?key=hush-in-the-url" }
    algorithms: [ES256]
    issuer: idp
    audience: chat
identity_headers: { X-Customer-Id: "{customer_id}", X-Opaque: "{opaque_id}" }
routes:
  - name: widget
    match: "/widget/{customer}"
    upstream: data
    authenticate: [widget-token]
    consistency: [{ request: path.customer }, { request: query.customer, required: false }]
  - { name: project, match: /project, upstream: data, authenticate: [project-token] }
  - { name: customer, match: /customer, upstream: data, authenticate: [customer-token] }
  - { name: dead, match: /dead, upstream: dead, authenticate: [project-token] }
  - { name: public, match: /public, upstream: data, authenticate: [anonymous] }
`

func TestNothingSecretComesOut(t *testing.T) {
	data := newSpy(t, nil)
	digest := sha256.Sum256([]byte("hush-of-the-digest"))
	values := map[string]string{"DATA": data.URL, "DEAD": deadAddress(t), "DIGEST": hex.EncodeToString(digest[:])}
	b := start(t, secretsYAML, values)
	admin := "Authorization: Bearer hush-of-the-admin"

	secret := []byte("hush-of-the-widget-thirty-two-bytes")
	claims := jwt.MapClaims{"sub": "hush-ada", "email": "hush@example.com", "kind": "visitor", "exp": fromNow(time.Hour)}
	widget := func(key []byte, changes jwt.MapClaims) string {
		return "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "hush-kid", key, with(claims, changes))
	}
	good := widget(secret, nil)
	public := newIssuer(t, "hush-kid").sign(t, "hush-kid", claims)

	var out strings.Builder
	for _, request := range []struct {
		target string
		fields []string
		status int
	}{
		{"/widget/hush-ada?customer=hush-ada", []string{good}, 200},
		{"/widget/hush-eve", []string{good}, 403},
		{"/widget/hush-ada?customer=hush-eve", []string{good}, 403},
		{"/widget/hush-ada?customer=hush-eve&CUSTOMER=hush", []string{good}, 400},
		{"/widget/hush-ada", []string{widget([]byte("hush-another-secret"), nil)}, 401},
		{"/widget/hush-ada", []string{widget(secret, jwt.MapClaims{"exp": fromNow(-time.Hour)})}, 401},
		{"/widget/hush-ada", []string{widget(secret, jwt.MapClaims{"exp": "hush"})}, 401},
		{"/widget/hush-ada", []string{widget(secret, jwt.MapClaims{"kind": "hush"})}, 401},
		{"/widget/hush-ada", []string{widget(secret, jwt.MapClaims{"sub": []string{"hush"}})}, 401},
		{"/widget/hush-ada", []string{"Authorization: JWT hush.hush.hush"}, 401},
		{"/widget/hush-ada", []string{"Authorization: JWT hush hush"}, 401},
		{"/widget/hush-ada", []string{"Authorization: hush hush"}, 401},
		{"/widget/hush-ada", []string{good, "Connection: hush"}, 400},
		{"/widget/hush-ada/../x", []string{good}, 400},
		{"/widget/hush-ada;hush", []string{good}, 400},
		{"/hush?token=hush", []string{good}, 404},
		{"/public?token=hush", []string{good, "Cookie: session=hush", "X-Customer-Id: hush"}, 200},
		{"/project", []string{"Authorization: Token hush-of-the-project"}, 200},
		{"/project", []string{"Authorization: Token hush-of-the-digest"}, 200},
		{"/project", []string{"Authorization: Token hush-of-somebody"}, 401},
		{"/dead?token=hush", []string{"Authorization: Token hush-of-the-project"}, 502},
		{"/customer", []string{"Authorization: Bearer " + public}, 503},
	} {
		got := b.send(http.MethodGet, request.target, request.fields...)
		if got.status != request.status {
			t.Errorf("%s: %+v, want %d", request.target, got, request.status)
		}
		fmt.Fprintln(&out, got)
	}
	b.app.handler.Swap(proxy.NewState(proxy.StateSettings{Metrics: b.app.shop.metrics})) // without a gate: it panics
	if got := b.send(http.MethodGet, "/widget/hush-ada", good); got.status != http.StatusInternalServerError {
		t.Errorf("%+v", got)
	}

	// A configuration at fault is explained without what it keeps secret.
	for fault, replacement := range map[string]string{
		"value: hush-of-the-widget-thirty-two-bytes": "value: hush-short",
		"value: hush-of-the-project ":                "value: [hush-in-a-list] ",
		"{ sha256: \"${DIGEST}\" }":                  "{ sha256: hush-is-no-digest }",
		"value: hush-of-the-project }":               "value: { value: hush!, encoding: base64 } }",
		"key: hush-of-the-opaque-ids":                "key: hush-",
		"token: hush-of-the-admin":                   "token: { value: hush!, encoding: hex }",
		"jwks_url: \"http://${DEAD}/keys":            "jwks_url: \"http://user:hush@idp.example/keys",
		"id: digest, value: { sha256: \"${DIGEST}\"": "id: digest, value: { value: hush-of-the-project",
		"kind: visitor }":                            "kind: visitor }\n    audience: { hush }: 1",
	} {
		if !strings.Contains(secretsYAML, fault) {
			t.Fatalf("the configuration has no %q", fault)
		}
		b.configure(strings.Replace(secretsYAML, fault, replacement, 1), values)
		got := b.operate(b.admin, http.MethodPost, "/-/reload", admin)
		if got.status != http.StatusBadRequest {
			t.Errorf("%s: %+v", replacement, got)
		}
		fmt.Fprintln(&out, got)
	}
	for _, target := range []string{"/metrics", "/readyz", "/healthz"} {
		fmt.Fprintln(&out, b.operate(b.admin, http.MethodGet, target, admin))
		fmt.Fprintln(&out, b.operate(b.admin, http.MethodGet, target, "Authorization: Bearer hush"))
	}
	b.stop()
	out.WriteString(b.log.String())

	for _, hidden := range []string{"hush", base64.RawURLEncoding.EncodeToString([]byte("hush-")), values["DIGEST"], "eyJ"} {
		for line := range strings.Lines(out.String()) {
			// A request id, all in upper case, may hold the letters of what is encoded.
			if strings.Contains(line, hidden) || strings.Contains(strings.ToLower(line), "hush") {
				t.Errorf("%q came out: %s", hidden, line)
			}
		}
	}
}
