package main

import (
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// A stream follows its credential through every rotation after which a request with
// the same one is let through, and ends with it: at once, or when it does now.
func TestWebsocketFollowsItsCredential(t *testing.T) {
	const (
		more = `{ id: "0", value: "another-stream-secret-of-32-bytes" }, `
		web  = ", { id: web, value: web-secret }"
	)
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	secret := func(id, rest string) string { return `{ id: "` + id + `", value: "` + streamSecret + `"` + rest + ` }` }
	token := func(id, rest string) string { return "{ id: " + id + ", value: app-secret" + rest + " }" }
	app := http.Header{"X-Key": {"app-secret"}}
	const brief = 1500 * time.Millisecond
	for _, test := range []struct {
		name, target string
		header       http.Header
		change       [2]string
		told         string // "" where it goes on
		at           time.Duration
	}{
		{"a secret ends tomorrow, beside a new one", "/chat", nil, [2]string{"SECRETS", more + secret("1", ", not_after: "+in(24*time.Hour))}, "", 0},
		{"a secret ends soon, beside a new one", "/chat", nil, [2]string{"SECRETS", more + secret("1", ", not_after: ${SOON}")}, "bad_signature", brief},
		{"a secret ends soon, kept past its token's end", "/kept", nil, [2]string{"SECRETS", more + secret("1", ", not_after: ${SOON}")}, "bad_signature", brief},
		{"a secret has ended", "/chat", nil, [2]string{"SECRETS", more + secret("1", ", not_after: 2020-01-01T00:00:00Z")}, "unknown_key", 0},
		{"a secret has another id", "/chat", nil, [2]string{"SECRETS", more + secret("x", "")}, "", 0},
		{"a secret is another's", "/chat", nil, [2]string{"SECRETS", more + secret("1", ", attributes: { project: other }")}, "missing_credential", 0},
		{"a claim is asked for that the token has", "/chat", nil, [2]string{"REQUIRED", "[sub, jti]"}, "", 0},
		{"a claim is asked for that it lacks", "/chat", nil, [2]string{"REQUIRED", "[sub, email]"}, "missing_claim", 0},
		{"a static token ends tomorrow", "/app", app, [2]string{"TOKENS", token("mobile", ", not_after: "+in(24*time.Hour)) + web}, "", 0},
		{"a static token ends soon", "/app", app, [2]string{"TOKENS", token("mobile", ", not_after: ${SOON}") + web}, "token_expired", brief},
		{"a static token has ended", "/app", app, [2]string{"TOKENS", token("mobile", ", not_after: 2020-01-01T00:00:00Z") + web}, "token_expired", 0},
		{"a static token has another id", "/app", app, [2]string{"TOKENS", token("phone", "") + web}, "", 0},
		{"a static token is another's", "/app", app, [2]string{"TOKENS", token("mobile", ", attributes: { project: other }") + web}, "missing_credential", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStreaming(t)
			target, fields := ann(t, test.target), []string(nil)
			if test.header != nil {
				target, fields = test.target, []string{"X-Key: app-secret"}
			}
			c, _, err := s.open(t, target, &websocket.DialOptions{HTTPHeader: test.header})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			say(t, c, "before")
			end := time.Now().Add(test.at)
			s.reload(t, test.change[0], strings.ReplaceAll(test.change[1], "${SOON}", end.UTC().Format(time.RFC3339Nano)))
			if test.told == "" || test.at > 0 {
				if got := s.send(http.MethodGet, target, fields...); got.status != http.StatusOK {
					t.Errorf("a request: %d %s", got.status, got.header.Get("Postern-Reason"))
				}
				say(t, c, "after")
			}
			if test.told == "" {
				s.reload(t) // back to the first
				say(t, c, "after that")
				return
			}
			if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: test.told}, closed(t, c)); diff != "" {
				t.Error(diff)
			}
			if time.Now().Before(end) {
				t.Error("too early")
			}
			// What the cache knew of the credential has ended, too.
			if got := s.send(http.MethodGet, target, fields...); test.at > 0 && got.header.Get("Postern-Reason") != test.told {
				t.Errorf("a request then: %d %s", got.status, got.header.Get("Postern-Reason"))
			}
		})
	}
}

// A key that a stream followed counts under the name that it has now.
func TestWebsocketIsRevokedByTheKeysNewID(t *testing.T) {
	for id, told := range map[string]string{"1": "", "x": "revoked"} {
		s := newStreaming(t)
		c := s.connect(t, ann(t, "/chat"))
		renamed := []string{"SECRETS", strings.Replace(s.values["SECRETS"], `"1"`, `"x"`, 1)}
		s.reload(t, renamed...)
		say(t, c, "renamed")
		if err := os.WriteFile(s.values["REVOKED"], []byte("[{ key_id: "+strconv.Quote(id)+" }]"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.reload(t, renamed...)
		if told == "" {
			s.reload(t, renamed...)
			say(t, c, "still here")
		} else if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: told}, closed(t, c)); diff != "" {
			t.Error(diff)
		}
	}
}

const rotatedYAML = anyPort + `
streams: { drain: 0s }
upstreams: { chat: { url: "${CHAT}" } }
authenticators:
  customer: { type: jwt, keys: { jwks_url: "${IDP}", refresh: 5s }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub, from: [{ query: token }] }
routes: [{ name: chat, match: /, upstream: chat, authenticate: [customer], upgrade: websocket }]
`

// A provider may say something else of a key, and the streams of its tokens go on; a
// key that it no longer publishes ends them.
func TestWebsocketFollowsAPublishedKey(t *testing.T) {
	backend, idp := newChat(t), newIssuer(t, "k1")
	s := start(t, rotatedYAML, map[string]string{"CHAT": backend.URL, "IDP": idp.URL})
	s.log.next(t, "keys loaded")
	open := func(life time.Duration) (*websocket.Conn, string) {
		target := "/?token=" + idp.sign(t, "k1", jwt.MapClaims{"iss": "idp", "aud": "chat", "sub": "ann", "exp": fromNow(life)})
		c, _, err := websocket.Dial(t.Context(), "ws://"+s.address+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		say(t, c, "before")
		return c, target
	}
	c, target := open(time.Hour)
	publish := func(kid, more string) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &idp.keys["k1"].PublicKey, KeyID: kid, Algorithm: "ES256", Use: "sig"}}}
		document, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		idp.fail(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Replace(string(document), `"kid"`, more+`"kid"`, 1)))
		})
		s.log.next(t, "keys loaded")
	}
	publish("k1", `"x5t":"bmV3",`)
	if got := s.send(http.MethodGet, target); got.status != http.StatusOK {
		t.Errorf("a request: %d", got.status)
	}
	looked, _ := open(2 * time.Second)
	closed(t, looked) // as is every stream by then that is due
	say(t, c, "after")
	publish("k2", "")
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "unknown_key"}, closed(t, c)); diff != "" {
		t.Error(diff)
	}
}

// Another certificate of the same authority and key takes over the streams of those
// whom it vouches for, and ends them when it ends; a stranger's ends them at once.
func TestWebsocketFollowsItsAuthority(t *testing.T) {
	s, clients := newMutual(t)
	backend := newChat(t)
	s.values["DATA"] = backend.URL
	s.start(t, mtlsYAML+"  - { name: ws, match: /ws, upstream: data, authenticate: [partner], upgrade: [websocket] }\n")
	client := newTLSClient(t, s.ca, false, clients.issue(t, partner).Certificate)
	connect := func() *websocket.Conn {
		c, _, err := websocket.Dial(t.Context(), "wss://"+s.address+"/ws", &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		say(t, c, "before")
		return c
	}
	renew := func(end time.Time) {
		renewed := *clients.certificate
		renewed.SerialNumber, renewed.NotAfter = big.NewInt(end.Unix()), end
		s.write(t, "clients.crt", (&authority{clients.sign(t, &renewed, &clients.key.PublicKey), clients.key}).pem())
		s.log.next(t, "configuration reloaded")
	}
	c := connect()
	renew(time.Now().Add(72 * time.Hour))
	say(t, c, "after")
	end := time.Now().Add(3 * time.Second).Truncate(time.Second)
	renew(end)
	say(t, c, "after that")
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "token_expired"}, closed(t, c)); diff != "" || time.Now().Before(end) {
		t.Errorf("too early, or %s", diff)
	}
	renew(time.Now().Add(72 * time.Hour))
	c = connect()
	s.write(t, "clients.crt", newAuthority(t, "clients").pem())
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "unknown_key"}, closed(t, c)); diff != "" {
		t.Error(diff)
	}
}
