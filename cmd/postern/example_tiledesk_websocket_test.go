package main

import (
	"context"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// An agent's browser opens its websocket with a token in the query, with or without
// the scheme before it; it lives as long as the token, and nobody else gets one.
func TestTiledeskWebsocket(t *testing.T) {
	backend := newChat(t)
	b := startTiledesk(t, backend.URL)
	open := func(query string) (*websocket.Conn, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, answer, err := websocket.Dial(ctx, "ws://"+b.address+"/?"+query, nil)
		if err != nil {
			return nil, answer.Header.Get("Postern-Reason")
		}
		t.Cleanup(func() { c.CloseNow() })
		return c, ""
	}
	agent := hs256(t, globalSecret, globalUser("user"), jwt.MapClaims{"exp": fromNow(4 * time.Second)})
	for _, query := range []string{"token=JWT%20" + agent, "token=" + agent} {
		c, reason := open(query)
		if c == nil {
			t.Fatalf("%s: %s", query, reason)
		}
		r := backend.next(t)
		if got := []string{r.target, r.header.Get("X-Agent-Id")}; !cmp.Equal(got, []string{"/?" + query, "user-7"}) {
			t.Errorf("the backend got %q", got)
		}
		say(t, c, `{"action":"subscribe"}`)
		if query == "token="+agent {
			if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "token_expired"}, closed(t, c)); diff != "" {
				t.Error(diff)
			}
		}
	}
	for query, want := range map[string]string{
		"token=JWT%20" + agent: "token_expired",
		"token=JWT%20" + hs256(t, globalSecret, globalUser("guest"), nil): "claim_not_allowed",
		"token=JWT%20" + hs256(t, shopSecret, globalUser("user"), nil):    "bad_signature",
		"room=1": "missing_credential",
	} {
		if _, reason := open(query); reason != want {
			t.Errorf("%s, want %s", reason, want)
		}
	}
}
