package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

const renewalsYAML = anyPort + `
streams: { drain: 0s }
upstreams: { chat: { url: "${CHAT}" } }
authenticators:
  opaque:
    type: introspection
    from: [{ header: Authorization, scheme: Bearer }, { query: token }]
    url: "${ORACLE}/introspect"
    client_id: postern
    client_secret: secret
    audience: chat
    cache_ttl: 1s
    customer_id: claims.sub
  session: { type: profile, scheme: Session, url: "${ORACLE}/users/{path.user}", cache_ttl: 1s, customer_id: profile.id }
  app: { type: token, header: X-Key, tokens: [{ id: mobile, value: app-secret }] }
identity_headers: { X-Customer-Id: "{customer_id}" }
routes:
  - { name: chat, match: /chat, upstream: chat, authenticate: [opaque], upgrade: websocket }
  - { name: group, match: /group, upstream: chat, authenticate: [[app, opaque]], upgrade: websocket }
  - { name: session, match: "/session/{user}", upstream: chat, authenticate: [session], upgrade: websocket }
  - { name: aged, match: /aged, upstream: chat, authenticate: [opaque], upgrade: websocket, streams: { max_age: 4s } }
  - { name: report, match: /report, upstream: chat, authenticate: [opaque], upgrade: websocket, mode: "${MODE}" }
  - { name: events, match: /events, upstream: chat, authenticate: [opaque] }
`

// renewing is a chat whose customers are known to a service alone.
type renewing struct {
	*streaming
	oracle *oracle
}

func newRenewing(t *testing.T) *renewing {
	r := &renewing{&streaming{chat: newChat(t)}, newOracle(t)}
	r.values = map[string]string{"CHAT": r.chat.URL, "ORACLE": r.oracle.URL, "MODE": "report"}
	r.testbed = start(t, renewalsYAML, r.values)
	return r
}

// answerFor is what the service says of a token that is good.
func answerFor(customer string) string {
	return fmt.Sprintf(`{"active":true,"aud":"chat","sub":%q,"id":%[1]q}`, customer)
}

// join opens a websocket with fields that must let it through.
func (r *renewing) join(t testing.TB, target string, fields ...string) *websocket.Conn {
	t.Helper()
	h := http.Header{}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		h.Add(name, value)
	}
	c, _, err := r.open(t, target, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	say(t, c, "hello")
	return c
}

// forget makes tokens inactive.
func (o *oracle) forget(tokens ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, token := range tokens {
		delete(o.known, token)
	}
}

// asks waits for so many questions.
func (o *oracle) asks(t testing.TB, n int) {
	t.Helper()
	for range n {
		await(t, "a question", o.seen)
	}
}

// A token that the service takes back, or gives another meaning, ends what stands on
// it soon, and for that reason.
func TestStreamsOfTokensTakenBack(t *testing.T) {
	r := newRenewing(t)
	tests := []struct {
		token, target string
		fields        []string
		answer        string // from then on, "" for inactive
		reason        string
	}{
		{"introspected", "/chat", []string{"Authorization: Bearer introspected"}, "", "inactive_token"},
		{"grouped", "/group", []string{"Authorization: Bearer grouped", "X-Key: app-secret"}, "", "inactive_token"},
		{"profile", "/session/ann", []string{"Authorization: Session profile"}, "", "inactive_token"},
		{"customer", "/chat", []string{"Authorization: Bearer customer"}, answerFor("bob"), "identity_mismatch"},
		{"audience", "/chat", []string{"Authorization: Bearer audience"}, `{"active":true,"aud":"billing","sub":"ann"}`, "wrong_audience"},
	}
	var open []*websocket.Conn
	for _, test := range tests {
		r.oracle.know(test.token, answerFor("ann"))
		open = append(open, r.join(t, test.target, test.fields...))
	}
	r.oracle.know("events", answerFor("ann"))
	_, events := r.listen(t, "/events?token=events")
	r.oracle.asks(t, 2*len(tests)) // with its request, and again
	for i, test := range tests {
		say(t, open[i], "still here")
		if r.oracle.forget(test.token); test.answer != "" {
			r.oracle.know(test.token, test.answer)
		}
	}
	r.oracle.forget("events")
	want := map[any]int{"inactive_token": 1}
	for i, test := range tests {
		if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: test.reason}, closed(t, open[i])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.token, diff)
		}
		want[test.reason]++
	}
	if rest, err := io.ReadAll(events); err != nil || string(rest) != "\n" {
		t.Errorf("then the events were %q, %v", rest, err)
	}
	logged, told := map[any]int{}, map[websocket.StatusCode]int{}
	for range len(tests) + 1 {
		logged[r.log.next(t, "stream")["reason"]]++
		told[await(t, "the backend's end", r.chat.ended)]++
	}
	if diff := cmp.Diff(want, logged) + cmp.Diff(map[websocket.StatusCode]int{4401: len(tests), -1: 1}, told); diff != "" {
		t.Errorf("logged, and told to the backend (-want +got):\n%s", diff)
	}
}

// A service that does not answer takes nothing back: a stream goes on, until its
// token's own end, or max_age.
func TestStreamsInAnOutage(t *testing.T) {
	r := newRenewing(t)
	r.oracle.know("lasting", answerFor("ann"))
	r.oracle.know("aging", answerFor("ann"))
	r.oracle.know("ending", fmt.Sprintf(`{"active":true,"aud":"chat","sub":"ann","exp":%d}`, fromNow(5*time.Second)))
	lasting := r.join(t, "/chat", "Authorization: Bearer lasting")
	aging, ending := r.join(t, "/aged", "Authorization: Bearer aging"), r.join(t, "/chat", "Authorization: Bearer ending")
	r.oracle.fail(http.StatusInternalServerError)
	for c, told := range map[*websocket.Conn]websocket.CloseError{
		aging:  {Code: 4401, Reason: "max_age"},
		ending: {Code: 4401, Reason: "token_expired"},
	} {
		if diff := cmp.Diff(told, closed(t, c)); diff != "" {
			t.Error(diff)
		}
	}
	say(t, lasting, "still here")
	for range 3 { // one line for each of them
		logged := r.log.next(t, "a stream goes on without an answer about its credential")
		if logged["level"] != "WARN" || logged["reason"] != "introspection_unavailable" || logged["error"] != "answered with status 500" {
			t.Errorf("logged %v", logged)
		}
	}
	if n := strings.Count(r.log.String(), "without an answer"); n != 3 {
		t.Errorf("logged %d times", n)
	}
	r.oracle.fail(0)
	r.oracle.forget("lasting")
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "inactive_token"}, closed(t, lasting)); diff != "" {
		t.Error(diff)
	}
}

// All streams of a token ask together, and no sooner than its answer is too old.
func TestStreamsShareAnswers(t *testing.T) {
	r := newRenewing(t)
	r.oracle.know("opaque", answerFor("ann"))
	began := time.Now()
	for range 10 {
		r.join(t, "/chat", "Authorization: Bearer opaque")
	}
	r.oracle.asks(t, 1)
	for n := 1; n <= 2; n++ {
		r.oracle.asks(t, 1)
		if after, least := time.Since(began), time.Duration(n)*time.Second; after < least {
			t.Errorf("question %d came after %s, before %s", n, after, least)
		}
	}
}

// However many streams ask, requests find a turn.
func TestStreamsLeaveTurns(t *testing.T) {
	r := newRenewing(t)
	const streams, atOnce = 40, 16
	tokens := make([]string, streams)
	for i := range tokens {
		tokens[i] = r.oracle.know(fmt.Sprint("stream-", i), answerFor("ann"))
	}
	r.oracle.know("request", answerFor("ann"))
	for _, token := range tokens {
		r.join(t, "/chat", "Authorization: Bearer "+token)
	}
	r.oracle.questions()
	release := r.oracle.hold("stream-")
	r.oracle.asks(t, atOnce)
	if got := r.send(http.MethodGet, "/chat", "Authorization: Bearer request"); got.status != http.StatusOK {
		t.Errorf("a request meanwhile: %+v", got)
	}
	if asked := r.oracle.questions(); !cmp.Equal(asked, []string{"POST /introspect postern request"}) {
		t.Errorf("asked meanwhile: %q", asked)
	}
	release()
	r.oracle.asks(t, streams-atOnce)
}

// While a route only reports, nobody is asked; then what was taken back ends.
func TestStreamsThatAreReported(t *testing.T) {
	r := newRenewing(t)
	r.oracle.know("opaque", answerFor("ann"))
	r.oracle.know("other", answerFor("ann"))
	c, other := r.join(t, "/report", "Authorization: Bearer opaque"), r.join(t, "/chat", "Authorization: Bearer other")
	r.oracle.forget("opaque")
	r.oracle.asks(t, 4) // two at the beginning, and again about the other
	say(t, c, "still here")
	r.values["MODE"] = "enforce"
	r.configure(renewalsYAML, r.values)
	if err := r.app.reload(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "inactive_token"}, closed(t, c)); diff != "" {
		t.Error(diff)
	}
	say(t, other, "still here")
}
