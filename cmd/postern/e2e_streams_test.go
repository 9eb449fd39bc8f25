package main

import (
	"context"
	_ "embed"
	"errors"
	"maps"
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

//go:embed testdata/e2e/streams.yaml
var streamsYAML string

const streamSecret = "stream-secret-of-thirty-two-bytes!"

// chat is a backend whose websockets say back what they hear.
type chat struct {
	*httptest.Server
	seen chan received
	// ended is how each websocket ended: the close code that it was told, or -1.
	ended chan websocket.StatusCode
}

func newChat(t testing.TB) *chat {
	c := &chat{seen: make(chan received, 100), ended: make(chan websocket.StatusCode, 100)}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP opens a websocket where it is asked for one, and else an event stream.
func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.seen <- received{method: r.Method, target: r.RequestURI, host: r.Host, header: r.Header.Clone()}
	switch {
	case r.Header.Get("Upgrade") != "":
		c.echo(w, r)
	case r.URL.Path == "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("data: hello\n\n"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		c.ended <- -1
	}
}

func (c *chat) echo(w http.ResponseWriter, r *http.Request) {
	options := &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"chat.v1"}}
	s, err := websocket.Accept(w, r, options)
	if err != nil {
		return
	}
	defer s.CloseNow()
	s.SetReadLimit(-1)
	for {
		kind, message, err := s.Read(context.Background())
		if err != nil {
			c.ended <- websocket.CloseStatus(err)
			return
		}
		if err := s.Write(context.Background(), kind, message); err != nil {
			c.ended <- -1
			return
		}
	}
}

// streaming is a Postern in front of a chat.
type streaming struct {
	*testbed
	chat   *chat
	values map[string]string
}

func newStreaming(t *testing.T) *streaming {
	s := &streaming{chat: newChat(t)}
	revoked := filepath.Join(t.TempDir(), "revoked.yaml")
	if err := os.WriteFile(revoked, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.values = map[string]string{
		"CHAT": s.chat.URL, "REVOKED": revoked, "SECRET": streamSecret,
		"SECRETS": `{ id: "1", value: "` + streamSecret + `" }`, "TOKENS": "{ id: mobile, value: app-secret }",
		"DRAIN": "0s", "MODE": "report", "CHATPATH": "/chat", "UPGRADE": "[websocket]", "AUTHENTICATE": "[widget-token]", "REQUIRED": "[]",
	}
	s.testbed = start(t, streamsYAML, s.values)
	return s
}

// lastingToken signs for a customer, until a time from now; 0 is no end.
func lastingToken(t testing.TB, life time.Duration) string {
	claims := jwt.MapClaims{"sub": "ann", "jti": "t-1"}
	if life != 0 {
		claims["exp"] = fromNow(life)
	}
	return signed(t, jwt.SigningMethodHS256, "", []byte(streamSecret), claims)
}

// open opens a websocket through Postern.
func (s *streaming) open(t testing.TB, target string, options *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	options.HTTPClient = s.client
	return websocket.Dial(ctx, "http://"+s.address+target, options)
}

// connect opens a websocket that must come about, with a token in the query.
func (s *streaming) connect(t testing.TB, target string) *websocket.Conn {
	t.Helper()
	c, _, err := s.open(t, target, &websocket.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { c.CloseNow() })
	s.chat.next(t)
	return c
}

func (c *chat) next(t testing.TB) received {
	t.Helper()
	return await(t, "a request to the chat", c.seen)
}

// say sends a message and waits for its echo.
func say(t testing.TB, c *websocket.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(ctx); err != nil || string(got) != text {
		t.Fatalf("heard %.40q, %v", got, err)
	}
}

// closed waits for the end of a websocket, and returns what it was told.
func closed(t testing.TB, c *websocket.Conn) websocket.CloseError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, err := c.Read(ctx)
	told, ok := errors.AsType[websocket.CloseError](err)
	if !ok {
		t.Fatalf("ended without a close: %v", err)
	}
	return told
}

func TestWebsocket(t *testing.T) {
	s := newStreaming(t)
	before := s.metrics("streams_open", "streams_closed_total", "requests_total")
	c := s.connect(t, "/chat?token=JWT%20"+lastingToken(t, time.Hour)+"&room=1")
	say(t, c, "hello")
	say(t, c, strings.Repeat("long ", 200_000/5))
	if diff := cmp.Diff(map[string]float64{`streams_open{route="chat"}`: 1, `requests_total{code="101",method="GET",route="chat"}`: 1},
		grown(before, s.metrics("streams_open", "streams_closed_total", "requests_total"))); diff != "" {
		t.Error(diff)
	}
	request := s.log.next(t, "request")
	if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Error(err)
	}
	if got := await(t, "the end", s.chat.ended); got != websocket.StatusNormalClosure {
		t.Errorf("the backend was told %d", got)
	}
	logged := s.log.next(t, "stream")
	for _, name := range []string{"time", "duration", "reason"} {
		delete(logged, name)
	}
	if diff := cmp.Diff(record{"level": "INFO", "msg": "stream", "request_id": request["request_id"], "route": "chat", "authenticator": "widget-token",
		"bytes_received": logged["bytes_received"], "bytes_sent": logged["bytes_sent"]}, logged); diff != "" {
		t.Error(diff)
	}
	if n := logged["bytes_sent"].(float64); n < 200_000 || n > 201_000 {
		t.Errorf("%v bytes", n)
	}
	eventually(t, "no stream open", func() bool { return s.metrics("streams_open")[`streams_open{route="chat"}`] == 0 })
}

// A websocket lives no longer than its credential, and is not opened after it.
func TestWebsocketEnds(t *testing.T) {
	s := newStreaming(t)
	short := "?token=" + lastingToken(t, 3*time.Second)
	late := time.Now().Add(3 * time.Second)
	type stream struct {
		*websocket.Conn
		told  websocket.CloseError
		after time.Time
	}
	kept := s.connect(t, "/kept"+short)
	for _, c := range []stream{
		{s.connect(t, "/aged"), websocket.CloseError{Code: 4401, Reason: "max_age"}, time.Time{}},
		{s.connect(t, "/idle"+short), websocket.CloseError{Code: 1001, Reason: "idle"}, time.Time{}},
		{s.connect(t, "/chat"+short), websocket.CloseError{Code: 4401, Reason: "token_expired"}, late.Truncate(time.Second)},
		{s.connect(t, "/grace"+short), websocket.CloseError{Code: 4401, Reason: "token_expired"}, late.Truncate(time.Second).Add(2 * time.Second)},
	} {
		if diff := cmp.Diff(c.told, closed(t, c.Conn)); diff != "" {
			t.Error(diff)
		}
		if time.Now().Before(c.after) {
			t.Errorf("%v: too early", c.told)
		}
	}
	codes, logged := map[websocket.StatusCode]int{}, map[any]int{}
	for range 4 {
		codes[await(t, "the backend's end", s.chat.ended)]++
		logged[s.log.next(t, "stream")["reason"]]++
	}
	want := map[any]int{"max_age": 1, "idle": 1, "token_expired": 2}
	if diff := cmp.Diff(map[websocket.StatusCode]int{4401: 3, 1001: 1}, codes) + cmp.Diff(want, logged); diff != "" {
		t.Errorf("the backend was told, and logged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{
		`streams_closed_total{reason="max_age"}`: 1, `streams_closed_total{reason="idle"}`: 1, `streams_closed_total{reason="token_expired"}`: 2,
	}, s.metrics("streams_closed_total")); diff != "" {
		t.Error(diff)
	}
	say(t, kept, "still here")
	// An ordinary request still passes then, for the difference of clocks.
	if got := s.send(http.MethodGet, "/chat"+short); got.status != http.StatusOK {
		t.Errorf("a request: %+v", got)
	}
	for _, target := range []string{"/chat", "/grace", "/kept"} {
		if _, got, err := s.open(t, target+short, &websocket.DialOptions{}); err == nil || got.Header.Get("Postern-Reason") != "token_expired" {
			t.Errorf("%s: %v", target, got)
		}
	}
	if got := s.send(http.MethodGet, "/events"+short); got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != "token_expired" {
		t.Errorf("events: %+v", got)
	}
}

// ann is how a customer's stream is asked for, by a token without an end.
func ann(t testing.TB, target string) string { return target + "?token=" + lastingToken(t, 0) }

// reload puts a configuration in force; changes are pairs of a value's name and
// what it is then.
func (s *streaming) reload(t testing.TB, changes ...string) {
	t.Helper()
	values := maps.Clone(s.values)
	for i := 0; i < len(changes); i += 2 {
		values[changes[i]] = changes[i+1]
	}
	s.configure(streamsYAML, values)
	if err := s.app.reload(); err != nil {
		t.Fatal(err)
	}
}

// A stream ends with what it stands on, and with its route; nothing else of a
// reload touches it.
func TestWebsocketWithdrawn(t *testing.T) {
	const more = `{ id: "0", value: "another-stream-secret-of-32-bytes" }`
	app := &websocket.DialOptions{HTTPHeader: http.Header{"X-Key": {"app-secret"}}}
	for _, test := range []struct {
		name, target string
		options      *websocket.DialOptions
		changes      []string
		told         string // "" where it goes on
	}{
		{"the same again", ann(t, "/chat"), nil, nil, ""},
		{"another key beside it", ann(t, "/chat"), nil, []string{"SECRETS", more + `, { id: "1", value: "` + streamSecret + `" }`}, ""},
		{"its key is removed", ann(t, "/chat"), nil, []string{"SECRETS", more}, "unknown_key"},
		{"its key is removed, kept past its end", ann(t, "/kept"), nil, []string{"SECRETS", more}, "unknown_key"},
		{"it is revoked", ann(t, "/chat"), nil, []string{"REVOKED", "revoked.yaml"}, "revoked"},
		{"its upgrade is removed", ann(t, "/chat"), nil, []string{"UPGRADE", "[]"}, "no_route"},
		{"its route asks for another", ann(t, "/chat"), nil, []string{"AUTHENTICATE", "[session]\n    origins: []"}, "missing_credential"},
		{"its route goes", ann(t, "/chat"), nil, []string{"CHATPATH", "/gone"}, "no_route"},
		{"its authenticator asks for more", ann(t, "/chat"), nil, []string{"REQUIRED", "[email]"}, "missing_credential"},
		{"a static token stays", "/app", app, []string{"TOKENS", "{ id: mobile, value: app-secret }, { id: web, value: web-secret }"}, ""},
		{"a static token is removed", "/app", app, []string{"TOKENS", "{ id: web, value: web-secret }"}, "unknown_token"},
		{"a static token gets another id", "/app", app, []string{"TOKENS", "{ id: web, value: app-secret }"}, "unknown_token"},
		{"a reporting route's", "/report", nil, []string{"SECRETS", more}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStreaming(t)
			if test.name == "it is revoked" {
				revoked := filepath.Join(t.TempDir(), "revoked.yaml")
				if err := os.WriteFile(revoked, []byte("[{ jti: t-1 }]"), 0o600); err != nil {
					t.Fatal(err)
				}
				test.changes[1] = revoked
			}
			if test.options == nil {
				test.options = &websocket.DialOptions{}
			}
			c, _, err := s.open(t, test.target, test.options)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			say(t, c, "before")
			s.reload(t, test.changes...)
			if test.told == "" {
				for range 2 { // generations
					s.reload(t, test.changes...)
					say(t, c, "after")
				}
				return
			}
			if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: test.told}, closed(t, c)); diff != "" {
				t.Error(diff)
			}
			if got := await(t, "the backend's end", s.chat.ended); got != 4401 {
				t.Errorf("the backend was told %d", got)
			}
		})
	}
}
