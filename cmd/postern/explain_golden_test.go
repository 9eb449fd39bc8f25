package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// explainedAt is when the requests of the golden files come.
var explainedAt = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// TestExplanations compares what people read, for a request of each group of
// reasons, with the files in testdata/explain.
func TestExplanations(t *testing.T) {
	second := func(d time.Duration) int64 { return explainedAt.Add(d).Unix() }
	claims := jwt.MapClaims{"external_id": "ann", "email": "ann@shop.example", "iat": second(-time.Minute), "exp": second(time.Minute)}
	secret := []byte("secret-of-the-widget-of-32-bytes")
	widget := func(changes jwt.MapClaims) string {
		return signed(t, jwt.SigningMethodHS256, "", secret, with(claims, changes))
	}
	asWidget := func(changes jwt.MapClaims) []string { return []string{"Authorization: JWT " + widget(changes)} }
	app, asJSON := "Authorization: Token token-of-the-app", "Content-Type: application/json"
	webhook := func(body string, at int64) []string {
		mac := hmac.New(sha256.New, []byte("secret-of-the-webhook-of-32-bytes"))
		mac.Write([]byte(strconv.FormatInt(at, 10) + "." + body))
		return []string{"X-Signature: sha256=" + hex.EncodeToString(mac.Sum(nil)), "X-Ts: " + strconv.FormatInt(at, 10)}
	}
	tenant := "Authorization: Tenant " + signed(t, jwt.SigningMethodHS256, "o", []byte("secret-of-the-other-tenant-32-bytes"),
		jwt.MapClaims{"sub": "ann", "exp": second(time.Hour)})

	for _, r := range []refusal{
		{name: "path", target: "/projects/../admin/", fields: []string{app}},
		{name: "header", target: "/profile", fields: []string{"authorization: JWT a.b.c", "Authorization: JWT d.e.f"}},
		{name: "query", target: "/profile?a=%zz"},
		{name: "route", method: "POST", target: "/projects/acme/orders"},
		{name: "method", method: "PUT", target: "/projects/acme/events"},
		{name: "near-route", target: "/Profile"},
		{name: "credential-missing", method: "POST", target: "/inbox"},
		{name: "credential-of-another-scheme", method: "POST", target: "/inbox", fields: []string{app}},
		{name: "credential-malformed", target: "/profile", fields: []string{"Authorization: JWT two words"}},
		{name: "credential-of-two", target: "/admin/", fields: []string{app}},
		{name: "credential-twice", target: "/profile?token=a.b.c", fields: asWidget(nil)},
		{name: "credential-of-nobody", target: "/shop/1", fields: []string{"Authorization: Bearer " + widget(jwt.MapClaims{"iss": "https://evil.example"})}},
		{name: "token-unknown", method: "POST", target: "/projects/acme/events", fields: []string{"Authorization: Token guessed-token"}},
		{name: "signature", target: "/profile?customer=ann", fields: []string{
			"Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "k", []byte("secret-of-somebody-else-32-bytes"), claims)}},
		{name: "keys-missing", target: "/shop/1", fields: []string{"Authorization: Bearer " + signed(t, jwt.SigningMethodES256, "k1", newSigningKey(t), jwt.MapClaims{
			"iss": "https://shop.example", "sub": "ann"})}},
		{name: "time", target: "/profile?customer=ann", fields: asWidget(jwt.MapClaims{"iat": second(-time.Hour), "exp": second(-50 * time.Minute)})},
		{name: "lifetime", target: "/profile?customer=ann", fields: asWidget(jwt.MapClaims{"exp": second(24 * time.Hour)})},
		{name: "claims", target: "/profile?customer=ann", fields: asWidget(jwt.MapClaims{"email": nil})},
		{name: "claims-customer", target: "/profile?customer=ann", fields: asWidget(jwt.MapClaims{"external_id": nil})},
		{name: "consistency-path", method: "POST", target: "/projects/other/events", fields: []string{app}},
		{name: "consistency-header", method: "POST", target: "/projects/acme/events", fields: []string{app, "X-Project: other"}},
		{name: "consistency-query", target: "/profile?customer=bob", fields: asWidget(nil)},
		{name: "consistency-missing", target: "/profile", fields: asWidget(nil)},
		{name: "consistency-body", method: "POST", target: "/inbox", fields: append(asWidget(nil), asJSON),
			body: `{"messages":[{"customer":"ann"},{"customer":"bob"}]}`},
		{name: "body", method: "POST", target: "/inbox", fields: append(asWidget(nil), asJSON), body: `{"messages":[],"messages":[]}`},
		{name: "body-size", method: "POST", target: "/inbox", fields: append(asWidget(nil), asJSON), body: `"` + strings.Repeat("a", 2000) + `"`},
		{name: "require", target: "/admin/?token=" + widget(jwt.MapClaims{"scope": "read"}), fields: []string{app}},
		{name: "origin", method: "POST", target: "/form", fields: []string{"Origin: https://evil.example", "Cookie: session=token-of-a-session; theme=dark"}},
		{name: "upgrade", target: "/socket", fields: []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8"}},
		{name: "webhook", method: "POST", target: "/hook", fields: append(webhook("{}", second(-time.Hour)), asJSON), body: "{}"},
		{name: "report", target: "/ring/acme", fields: []string{tenant}},
		{name: "no-http", target: "/profile", fields: []string{"Bad Name: value"}},

		{name: "allowed", method: "POST", target: "/projects/acme/events", body: `{"a":1}`,
			fields: []string{app, asJSON, "X-Customer-Id: forged", "x_auth_level: customer", "Connection: keep-alive", "Accept: */*"}},
		{name: "allowed-anonymous", target: "/pages/1"},
		{name: "allowed-tenant", target: "/ring/other", fields: []string{tenant}},
		{name: "allowed-websocket", target: "/socket", fields: []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: jwt, " + widget(nil)}},
		{name: "preflight", method: "OPTIONS", target: "/pages/1", fields: []string{"Origin: https://shop.example", "Access-Control-Request-Method: GET"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			arguments := append([]string{"explain", "--config", "testdata/explain/postern.yaml", "--at", explainedAt.Format(time.RFC3339)}, r.commandLine()...)
			var out, errs bytes.Buffer
			if code := run(t.Context(), arguments, &out, &errs); code != exitDone {
				t.Fatalf("exit code %d: %s", code, &errs)
			}
			hidesCredentials(t, out.String(), r.fields)
			golden := filepath.Join("testdata", "explain", r.name+".txt")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}
