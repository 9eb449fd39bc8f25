package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// open opens a websocket, or returns what the handshake was answered.
func (s *soak) open(token string) (*websocket.Conn, string) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	c, response, err := websocket.Dial(ctx, s.scheme()+"://"+s.address+"/socket", &websocket.DialOptions{
		HTTPClient: s.clients[0], HTTPHeader: http.Header{"Authorization": {token}},
	})
	if response == nil {
		return nil, err.Error()
	}
	return c, outcome(response)
}

// exchange says something on a websocket, and hears it again.
func (s *soak) exchange(c *websocket.Conn, text string) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return err
	}
	_, got, err := c.Read(ctx)
	if err == nil && string(got) != text {
		err = fmt.Errorf("heard %.40q in place of %.40q", got, text)
	}
	return err
}

// talk opens a websocket for a few words, and tries to open one with a forged token.
func (s *soak) talk(random *rand.Rand) {
	c, got := s.open(s.ann)
	s.want(&s.streams, "/socket", got, "101")
	if c == nil {
		return
	}
	defer c.CloseNow()
	for range random.IntN(5) {
		if err := s.exchange(c, strings.Repeat("x", random.IntN(30<<10))); err != nil {
			s.t.Errorf("/socket: %v", err)
		}
	}
	if random.IntN(2) == 0 { // otherwise it is gone without a word
		_ = c.Close(websocket.StatusNormalClosure, "")
	}
	_, got = s.open(s.forged)
	s.want(&s.refused, "/socket", got, "401 bad_signature")
}

// listen opens an event stream in HTTP/1.1 or HTTP/2, which ends with ctx. Without an
// answer it returns nil.
func (s *soak) listen(ctx context.Context, token string) *http.Response {
	client := *s.clients[rand.IntN(len(s.clients))]
	client.Timeout = 0
	response, err := s.ask(ctx, &client, http.MethodGet, "/events", "", "Authorization: "+token)
	switch {
	case err == nil:
		s.want(&s.streams, "/events", outcome(response), "200")
	case ctx.Err() == nil:
		s.t.Errorf("/events: %v", err)
	}
	return response
}

// stand keeps a websocket and an event stream open for a whole round, whatever is
// reloaded meanwhile.
func (s *soak) stand(ctx context.Context) {
	c, got := s.open(s.ann)
	s.want(&s.streams, "/socket", got, "101")
	events := s.listen(ctx, s.ann)
	if c == nil || events == nil {
		return
	}
	defer c.CloseNow()
	defer events.Body.Close()
	lines := bufio.NewScanner(events.Body)
	for lines.Scan() { // a line each 20 ms, with an empty one
		if err := s.exchange(c, "still here"); err != nil {
			s.t.Errorf("a websocket that stands: %v", err)
		}
	}
	if ctx.Err() == nil {
		s.t.Errorf("an event stream that stands ends: %v", lines.Err())
	}
}

// maxLate is how late a stream may end, where the machine is as busy as in a soak.
const maxLate = 5 * time.Second

// expire waits for the ends of a websocket and an event stream whose token expires,
// or for the end of the round.
func (s *soak) expire(ctx context.Context) {
	end := time.Now().Add(2 * time.Second).Truncate(time.Second)
	token := "JWT " + widgetToken(s.t, jwt.MapClaims{"sub": "ann", "exp": end.Unix()})
	c, got := s.open(token)
	s.want(&s.streams, "/socket, expiring", got, "101")
	events := s.listen(ctx, token)
	if c == nil || events == nil {
		return
	}
	defer c.CloseNow()
	defer events.Body.Close()
	_, _, err := c.Read(ctx)
	if ctx.Err() != nil {
		if time.Since(end) > maxLate {
			s.t.Errorf("a websocket is open %s after its token's end", time.Since(end))
		}
		return
	}
	told, _ := errors.AsType[websocket.CloseError](err)
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "token_expired"}, told); diff != "" {
		s.t.Errorf("an expiring websocket ends with %v:\n%s", err, diff)
	}
	if _, err := io.Copy(io.Discard, events.Body); err != nil && ctx.Err() == nil {
		s.t.Errorf("an expiring event stream ends with %v", err)
	}
	if time.Now().Before(end) {
		s.t.Error("a token has expired too early")
	}
}
