package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

func TestWebsocket(t *testing.T) {
	s := newStreaming(t)
	families := []string{"streams_open", "streams_closed_total", "requests_total", "upstream_duration_seconds_count"}
	before := s.metrics(families...)
	c := s.connect(t, "/chat?token=JWT%20"+lastingToken(t, time.Hour)+"&room=1")
	say(t, c, "hello")
	say(t, c, strings.Repeat("long ", 200_000/5))
	if diff := cmp.Diff(map[string]float64{
		`streams_open{route="chat"}`: 1, `requests_total{code="101",method="GET",route="chat"}`: 1, `upstream_duration_seconds_count{upstream="chat"}`: 1,
	}, grown(before, s.metrics(families...))); diff != "" {
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
		{"its authenticator asks for more", ann(t, "/chat"), nil, []string{"REQUIRED", "[email]"}, "missing_claim"},
		{"a static token stays", "/app", app, []string{"TOKENS", "{ id: mobile, value: app-secret }, { id: web, value: web-secret }"}, ""},
		{"a static token is removed", "/app", app, []string{"TOKENS", "{ id: web, value: web-secret }"}, "unknown_token"},
		{"a static token gets another id", "/app", app, []string{"TOKENS", "{ id: web, value: app-secret }"}, ""},
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
