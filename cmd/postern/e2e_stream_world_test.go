package main

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
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

func (c *chat) echo(w http.ResponseWriter, r *http.Request) { c.ended <- echo(w, r) }

// echo opens a websocket and says back what it hears, until its end: the close code
// that it was told, or -1.
func echo(w http.ResponseWriter, r *http.Request) websocket.StatusCode {
	options := &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"chat.v1"}}
	s, err := websocket.Accept(w, r, options)
	if err != nil {
		return -1
	}
	defer s.CloseNow()
	s.SetReadLimit(-1)
	for {
		kind, message, err := s.Read(context.Background())
		if err != nil {
			return websocket.CloseStatus(err)
		}
		if err := s.Write(context.Background(), kind, message); err != nil {
			return -1
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
