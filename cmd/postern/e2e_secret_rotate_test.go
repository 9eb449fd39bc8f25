package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const secretsFileYAML = anyPort + `
upstreams: { chat: { url: "${CHAT}" } }
authenticators:
  app: { type: token, scheme: Token, tokens_file: "${FOLDER}/tokens.yaml" }
  widget:
    type: jwt
    from: [{ header: Authorization, scheme: JWT }, { query: token }]
    keys: { secrets_file: "${FOLDER}/secrets.json" }
    algorithms: [HS256]
    customer_id: claims.sub
  tenants: { type: jwt, scheme: Ring, keys: { keyring_file: "${FOLDER}/ring.yaml", select: path.tenant }, algorithms: [HS256], customer_id: claims.sub }
routes:
  - { match: /app, upstream: chat, authenticate: [app], consistency: [{ identity: attributes.project, request: header.X-Project }] }
  - { match: /widget, upstream: chat, authenticate: [widget], upgrade: [websocket] }
  - { match: "/tenants/{tenant}", upstream: chat, authenticate: [tenants] }
`

// rotating is a Postern whose secrets are rotated while it runs.
type rotating struct {
	*testbed
	folder string
}

func newRotating(t *testing.T, backend string) *rotating {
	r := &rotating{folder: t.TempDir()}
	for name, text := range map[string]string{
		"tokens.yaml":  "# The apps.\n- { id: first, value: first-token, attributes: { project: acme } }\n",
		"secrets.json": `[{"id": "first", "value": "the-first-secret-of-thirty-two-bytes"}]`,
		"ring.yaml":    "acme: [{ id: first, value: the-first-secret-of-thirty-two-bytes }]\nother: []\n",
	} {
		if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.testbed = start(t, secretsFileYAML, map[string]string{"CHAT": backend, "FOLDER": r.folder})
	return r
}

// rotate runs the command, and returns the secret once Postern has it.
func (r *rotating) rotate(t *testing.T, file string, arguments ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	arguments = append([]string{"secret", "rotate", "--file", filepath.Join(r.folder, file)}, arguments...)
	if code := run(t.Context(), arguments, &stdout, &stderr); code != exitDone {
		t.Fatalf("%v: %d %s", arguments, code, stderr.String())
	}
	secret := strings.TrimSuffix(stdout.String(), "\n")
	if strings.Contains(stderr.String(), secret) {
		t.Errorf("the secret is printed twice: %s", stderr.String())
	}
	r.log.next(t, "configuration reloaded")
	return secret
}

// credentials returns the header field of a request to each route with a secret of
// its own, by the target.
func credentials(t *testing.T, token, secret, ofTenant string) map[string]string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "ann", "exp": fromNow(time.Hour)}
	return map[string]string{
		"/app":          "Authorization: Token " + token,
		"/widget":       "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "", []byte(secret), claims),
		"/tenants/acme": "Authorization: Ring " + signed(t, jwt.SigningMethodHS256, "", []byte(ofTenant), claims),
	}
}

// reasons returns why each request is refused, "" for those that pass.
func (r *rotating) reasons(credentials map[string]string) map[string]string {
	r.t.Helper()
	reasons := map[string]string{}
	for target, field := range credentials {
		reasons[target] = r.send(http.MethodGet, target, field, "X-Project: acme").header.Get("Postern-Reason")
	}
	return reasons
}

func (r *rotating) expectReasons(t *testing.T, when string, credentials, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, r.reasons(credentials)); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
}

// A running Postern takes a rotated file over by itself: both secrets count while
// they overlap, then the old one has ended, or it ends at once.
func TestRotatedSecrets(t *testing.T) {
	backend := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(backend.Close)
	r := newRotating(t, backend.URL)
	passes := map[string]string{"/app": "", "/widget": "", "/tenants/acme": ""}
	ended := map[string]string{"/app": "token_expired", "/widget": "bad_signature", "/tenants/acme": "bad_signature"}
	rotate := func(arguments ...string) map[string]string {
		t.Helper()
		return credentials(t, r.rotate(t, "tokens.yaml", arguments...), r.rotate(t, "secrets.json", arguments...),
			r.rotate(t, "ring.yaml", append(arguments, "--tenant", "acme")...))
	}
	first := credentials(t, "first-token", "the-first-secret-of-thirty-two-bytes", "the-first-secret-of-thirty-two-bytes")
	r.expectReasons(t, "before", first, passes)

	second := rotate("--id", "second")
	r.expectReasons(t, "the old ones in the overlap", first, passes)
	r.expectReasons(t, "the new ones in the overlap", second, passes)
	ends := r.metrics("secret_not_after_timestamp_seconds")
	for _, authenticator := range []string{"app", "widget"} {
		end := ends[labelled("secret_not_after_timestamp_seconds", "authenticator", authenticator, "id", "first")]
		if left := time.Until(time.Unix(int64(end), 0)); left < 23*time.Hour || left > 24*time.Hour {
			t.Errorf("%s: the old one ends in %v", authenticator, left)
		}
	}

	// Long enough for the three to be taken over, mostly: what is waited for is the end.
	third := rotate("--id", "third", "--until", time.Now().Add(3*time.Second).UTC().Format(time.RFC3339))
	for _, old := range []map[string]string{first, second} {
		eventually(t, "the end of the old ones", func() bool { return cmp.Equal(ended, r.reasons(old)) })
	}
	r.expectReasons(t, "the new ones after the end", third, passes)

	fourth := rotate("--id", "fourth", "--revoke-now")
	r.expectReasons(t, "those that are revoked", third, ended)
	r.expectReasons(t, "those in their place", fourth, passes)
}

// A websocket goes on while the secret of its token does.
func TestRotationKeepsWebsockets(t *testing.T) {
	r := newRotating(t, newChat(t).URL)
	token := signed(t, jwt.SigningMethodHS256, "", []byte("the-first-secret-of-thirty-two-bytes"), jwt.MapClaims{"sub": "ann", "exp": fromNow(time.Hour)})
	socket, _, err := websocket.Dial(t.Context(), "http://"+r.address+"/widget?token="+token, &websocket.DialOptions{HTTPClient: r.client})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	say(t, socket, "before")
	r.rotate(t, "secrets.json", "--id", "second")
	say(t, socket, "in the overlap")
	r.rotate(t, "secrets.json", "--id", "third")
	say(t, socket, "in the next overlap")
	r.rotate(t, "secrets.json", "--revoke-now")
	if got := closed(t, socket); got.Code != 4401 || got.Reason != "unknown_key" {
		t.Errorf("%+v", got)
	}
}
