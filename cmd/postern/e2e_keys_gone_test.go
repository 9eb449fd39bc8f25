package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const keysGoneYAML = anyPort + `
upstreams: { data: { url: "${DATA}" }, chat: { url: "${CHAT}" } }
authenticators:
  customer: { type: jwt, keys: { jwks_url: "${IDP}" ${MORE} }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
routes:
  - { name: data, match: /chat, upstream: data, authenticate: [customer] }
  - { name: chat, match: /socket, upstream: chat, authenticate: [customer], upgrade: [websocket] }
`

// keyless is a Postern whose keys are in the hands of an issuer.
type keyless struct {
	*streaming
	idp *issuer
}

// newKeyless starts one with the key k1; more are settings of its source.
func newKeyless(t *testing.T, more string) *keyless {
	data := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(data.Close)
	k := &keyless{&streaming{chat: newChat(t)}, newIssuer(t, "k1")}
	k.testbed = start(t, keysGoneYAML, map[string]string{"DATA": data.URL, "CHAT": k.chat.URL, "IDP": k.idp.URL, "MORE": more})
	k.log.next(t, "keys loaded")
	return k
}

// token makes one by a key of any issuer.
func (k *keyless) token(t testing.TB, i *issuer, kid string) string {
	return i.sign(t, kid, jwt.MapClaims{"sub": "ann", "iss": "idp", "aud": "chat", "exp": fromNow(time.Hour)})
}

// ask returns the reason of a refusal, "" for none. A service that is not there is
// never the customer's fault, and says when to ask again.
func (k *keyless) ask(t testing.TB, token string) string {
	t.Helper()
	got := k.send(http.MethodGet, "/chat", "Authorization: Bearer "+token)
	if (got.status == http.StatusServiceUnavailable) != (got.header.Get("Retry-After") != "") {
		t.Errorf("%+v", got)
	}
	return got.header.Get("Postern-Reason")
}

// stream opens a websocket by a token.
func (k *keyless) stream(t testing.TB, token string) *websocket.Conn {
	t.Helper()
	c, _, err := k.open(t, "/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	say(t, c, "hello")
	return c
}

// While the issuer answers with errors, or with a set that has no keys, those that
// are known go on to verify, and of others nobody can say that they are none. Once
// it answers with other keys, what stood on the old ones ends.
func TestKeysGoneUnderLoad(t *testing.T) {
	k, stranger := newKeyless(t, ""), newIssuer(t, "x1", "x2")
	old := k.token(t, k.idp, "k1")
	open := k.stream(t, old)
	l := &load{b: k.testbed}
	l.token.Store(&old)
	l.flow(4)
	defer l.end()
	l.more(t, 50)

	for kid, fault := range map[string]http.HandlerFunc{
		"x1": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"x2": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) },
	} {
		k.idp.fail(fault)
		if got := k.ask(t, k.token(t, stranger, kid)); got != "keys_pending" {
			t.Errorf("a kid that nobody knows of: %s", got)
		}
		k.log.next(t, "refreshing keys failed")
		l.more(t, 50)
		say(t, open, "still here")
	}
	l.mu.Lock()
	if len(l.failed) > 0 {
		t.Errorf("refused while there were keys: %v", l.failed)
	}
	l.mu.Unlock()

	k.idp.withdraw("k1")
	k.idp.publish(t, "k2")
	k.idp.fail(nil)
	fresh := k.token(t, k.idp, "k2")
	await := func(what, token, want string) {
		t.Helper()
		eventually(t, what, func() bool {
			got := k.ask(t, token)
			if got != want && got != "keys_pending" {
				t.Fatalf("%s: %s", what, got)
			}
			return got == want
		})
	}
	await("the new key", fresh, "")
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "unknown_key"}, closed(t, open)); diff != "" {
		t.Error(diff)
	}
	say(t, k.stream(t, fresh), "hello")
	await("the old key", old, "unknown_key")
	for _, r := range l.end() {
		if r.outcome != "401 unknown_key" && r.outcome != "503 keys_pending" {
			t.Errorf("a token of the old key came to %s", r.outcome)
		}
	}
}

// Keys that nobody has confirmed for too long are lost, which is a fault of ours:
// requests are to be sent again, and streams to be opened again.
func TestKeysLostUnderLoad(t *testing.T) {
	k := newKeyless(t, ", refresh: 5s, max_stale: 5s")
	token := k.token(t, k.idp, "k1")
	open := k.stream(t, token)
	k.idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	l := &load{b: k.testbed}
	l.token.Store(&token)
	l.flow(4)
	defer l.end()
	if diff := cmp.Diff(websocket.CloseError{Code: 1013, Reason: "keys_unavailable"}, closed(t, open)); diff != "" {
		t.Error(diff)
	}
	if got := k.ask(t, token); got != "keys_unavailable" {
		t.Errorf("asked after that: %s", got)
	}
	k.idp.fail(nil)
	eventually(t, "the source recovers", func() bool { return k.ask(t, token) == "" })
	k.stream(t, token)
	for _, r := range l.end() {
		if r.outcome != "503 keys_unavailable" {
			t.Errorf("a good token came to %s", r.outcome)
		}
	}
}
