package main

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/inquiries.yaml
var inquiriesYAML string

// oracle is an authorization server and a profile API. It knows some tokens and
// what to answer to them.
type oracle struct {
	*httptest.Server
	seen chan string // the questions: path, client and token

	mu    sync.Mutex
	known map[string]string
	fault int // the status of every answer, where it is not 0
	// Questions about tokens that begin so wait until held is closed.
	prefix string
	held   chan struct{}
}

func newOracle(t *testing.T) *oracle {
	o := &oracle{seen: make(chan string, 1000), known: map[string]string{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *oracle) know(token, answer string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known[token] = answer
	return token
}

func (o *oracle) fail(status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault = status
}

// hold lets questions about tokens that begin so wait until release is called.
func (o *oracle) hold(prefix string) (release func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := make(chan struct{})
	o.prefix, o.held = prefix, held
	return func() { close(held) }
}

// ServeHTTP answers a question of RFC 7662 under /introspect, and elsewhere a call
// with a token.
func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, _, _ := r.BasicAuth()
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		token = r.PostFormValue("token")
	}
	o.seen <- fmt.Sprintf("%s %s %s %s", r.Method, r.RequestURI, client, token)
	o.mu.Lock()
	answer, known := o.known[token]
	fault, prefix, held := o.fault, o.prefix, o.held
	o.mu.Unlock()
	if held != nil && strings.HasPrefix(token, prefix) {
		<-held
	}
	switch {
	case fault != 0:
		w.WriteHeader(fault)
	case known:
		_, _ = io.WriteString(w, answer)
	case r.URL.Path == "/introspect":
		_, _ = io.WriteString(w, `{"active":false}`)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// questions returns those since the last call.
func (o *oracle) questions() (list []string) {
	for {
		select {
		case q := <-o.seen:
			list = append(list, q)
		default:
			return list
		}
	}
}

type inquiring struct {
	*testbed
	oracle  *oracle
	backend *spy
}

func startInquiring(t *testing.T) *inquiring {
	t.Helper()
	o, backend := newOracle(t), newSpy(t, nil)
	b := start(t, inquiriesYAML, map[string]string{"ORACLE": o.URL, "BACKEND": backend.URL, "DEAD": deadAddress(t)})
	return &inquiring{b, o, backend}
}

// told sends a request, and returns its outcome: the reason, or who the backend
// heard it was; then the questions that it took.
func (i *inquiring) told(target string, fields ...string) []string {
	i.t.Helper()
	got := i.send(http.MethodGet, target, fields...)
	outcome := fmt.Sprintf("%d %s", got.status, got.header.Get("Postern-Reason"))
	if got.status == http.StatusOK {
		h := i.backend.next(i.t).header
		outcome = fmt.Sprintf("%s %s %s", h.Get("X-Auth-Level"), h.Get("X-Customer-Id"), h.Get("X-Plan"))
	}
	return append([]string{strings.TrimSpace(outcome)}, i.oracle.questions()...)
}

func (i *inquiring) expect(what string, got []string, want ...string) {
	i.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		i.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestIntrospectedTokens(t *testing.T) {
	i := startInquiring(t)
	ann := i.oracle.know("opaque-ann", `{"active":true,"sub":"ann","aud":"chat","plan":"gold"}`)
	bob := i.oracle.know("opaque-bob", `{"active":true,"sub":"bob","aud":"chat"}`)
	other := i.oracle.know("opaque-other", `{"active":true,"sub":"ann","aud":"billing"}`)
	before := i.metrics("token_cache_hits_total", "token_cache_misses_total")
	i.expect("first", i.told("/opaque", "Authorization: Bearer "+ann), "customer ann", "POST /introspect postern opaque-ann")
	i.expect("again", i.told("/opaque", "Authorization: Bearer "+ann), "customer ann")
	i.expect("somebody else", i.told("/opaque", "Authorization: Bearer "+bob), "customer bob", "POST /introspect postern opaque-bob")
	i.expect("unknown", i.told("/opaque", "Authorization: Bearer guessed"), "401 inactive_token", "POST /introspect postern guessed")
	i.expect("unknown again", i.told("/opaque", "Authorization: Bearer guessed"), "401 inactive_token")
	i.expect("for others", i.told("/opaque", "Authorization: Bearer "+other), "401 wrong_audience", "POST /introspect postern opaque-other")
	if diff := cmp.Diff(map[string]float64{"token_cache_hits_total": 1, "token_cache_misses_total": 5},
		grown(before, i.metrics("token_cache_hits_total", "token_cache_misses_total"))); diff != "" {
		t.Error(diff)
	}
	got := i.metrics("decision_duration_seconds_count")
	want := map[string]float64{
		`decision_duration_seconds_count{authenticator="opaque",cache="hit"}`:  2,
		`decision_duration_seconds_count{authenticator="opaque",cache="miss"}`: 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	i.oracle.fail(http.StatusUnauthorized) // our client is refused
	i.expect("known in an outage", i.told("/opaque", "Authorization: Bearer "+ann), "customer ann")
	for range 2 {
		i.expect("unknown in an outage", i.told("/opaque", "Authorization: Bearer carol"), "503 introspection_unavailable", "POST /introspect postern carol")
	}
	i.oracle.fail(0)
	i.oracle.know("carol", `{"active":true,"sub":"carol","aud":"chat"}`)
	i.expect("after it", i.told("/opaque", "Authorization: Bearer carol"), "customer carol", "POST /introspect postern carol")
}

// TestInquiriesOverReload: what is known stays while the settings do.
func TestInquiriesOverReload(t *testing.T) {
	i := startInquiring(t)
	values := map[string]string{"ORACLE": i.oracle.URL, "BACKEND": i.backend.URL, "DEAD": deadAddress(t)}
	field := "Authorization: Bearer " + i.oracle.know("opaque-ann", `{"active":true,"sub":"ann","aud":"chat","id":"ann"}`)
	reload := func(old, replacement string) {
		t.Helper()
		i.configure(strings.Replace(inquiriesYAML, old, replacement, 1), values)
		if err := i.app.reload(); err != nil {
			t.Fatal(err)
		}
	}
	i.expect("first", i.told("/opaque", field), "customer ann", "POST /introspect postern opaque-ann")
	reload("", "# unchanged\n")
	i.expect("kept", i.told("/opaque", field), "customer ann")
	reload("audience: chat", "audience: [chat, data]")
	i.expect("under another policy", i.told("/opaque", field), "customer ann", "POST /introspect postern opaque-ann")
	reload("audience: chat", "audience: data")
	i.expect("under a policy that refuses it", i.told("/opaque", field), "401 wrong_audience", "POST /introspect postern opaque-ann")
}

func TestProfiles(t *testing.T) {
	i := startInquiring(t)
	ann := "Authorization: Session " + i.oracle.know("session-ann", `{"id":"ann","plan":"gold"}`)
	i.expect("first", i.told("/profile/ann", ann), "customer ann gold", "GET /users/ann?tenant=a+b  session-ann")
	i.expect("again", i.told("/profile/ann", ann), "customer ann gold")
	i.expect("of another path", i.told("/profile/bob", ann), "403 identity_mismatch", "GET /users/bob?tenant=a+b  session-ann")
	i.expect("refused", i.told("/profile/ann", "Authorization: Session guessed"), "401 inactive_token", "GET /users/ann?tenant=a+b  guessed")
	i.oracle.fail(http.StatusInternalServerError)
	i.expect("outage", i.told("/profile/ann", "Authorization: Session other"), "503 profile_unavailable", "GET /users/ann?tenant=a+b  other")
}

// TestProfileRule compares a verified JWT with what the customer's API says of it.
func TestProfileRule(t *testing.T) {
	i := startInquiring(t)
	tokens := 0
	token := func(sub, profile string) string {
		tokens++
		text := signed(t, jwt.SigningMethodHS256, "", []byte("a-secret-of-at-least-thirty-two-bytes"),
			jwt.MapClaims{"sub": sub, "exp": fromNow(time.Hour), "jti": tokens})
		if profile != "" {
			i.oracle.know(text, profile)
		}
		return text
	}
	for _, test := range []struct {
		name, target, profile string
		want                  string
		asks                  bool
	}{
		{"the same", "/compared", `{"user":{"id":"ann"}}`, "customer ann", true},
		{"another", "/compared", `{"user":{"id":"bob"}}`, "403 identity_mismatch", true},
		{"a prefix", "/compared", `{"user":{"id":"ann "}}`, "403 identity_mismatch", true},
		{"a list", "/compared", `{"user":{"id":["ann"]}}`, "403 identity_mismatch", true},
		{"null", "/compared", `{"user":{"id":null}}`, "403 identity_missing", true},
		{"missing", "/compared", `{"user":{}}`, "403 identity_missing", true},
		{"missing, and not required", "/compared-loosely", `{"user":{}}`, "customer ann", true},
		{"another, and not required", "/compared-loosely", `{"user":{"id":"bob"}}`, "403 identity_mismatch", true},
		{"refused by the API", "/compared", "", "401 inactive_token", true},
		{"garbage", "/compared", `<html>`, "503 profile_unavailable", true},
		{"with a rule that fails first", "/compared?customer=bob", `{"user":{"id":"ann"}}`, "403 identity_mismatch", false},
	} {
		text := token("ann", test.profile)
		want := []string{test.want}
		if test.asks {
			want = append(want, "GET /me  "+text)
		}
		i.expect(test.name, i.told(test.target, "Authorization: JWT "+text), want...)
	}
	forged := strings.Replace(token("ann", `{"user":{"id":"ann"}}`), ".", "x.", 1)
	i.expect("a token that does not verify is shown to nobody", i.told("/compared", "Authorization: JWT "+forged), "401 malformed_credential")
	i.expect("nobody has no profile", i.told("/compared-loosely"), "anonymous")
}

// TestOpaqueBesideJWT: on one scheme, what is a JWT goes to the one and anything
// else to the other.
func TestOpaqueBesideJWT(t *testing.T) {
	i := startInquiring(t)
	opaque := i.oracle.know("opaque-ann", `{"active":true,"sub":"ann","aud":"chat"}`)
	signedToken := signed(t, jwt.SigningMethodHS256, "", []byte("a-secret-of-at-least-thirty-two-bytes"), jwt.MapClaims{"sub": "bob", "exp": fromNow(time.Hour)})
	i.expect("opaque", i.told("/either", "Authorization: Bearer "+opaque), "customer ann", "POST /introspect postern opaque-ann")
	i.expect("JWT", i.told("/either", "Authorization: Bearer "+signedToken), "customer bob")
	i.expect("a JWT that does not verify", i.told("/either", "Authorization: Bearer "+signedToken[:len(signedToken)-4]+"AAAA"), "401 bad_signature")
}
