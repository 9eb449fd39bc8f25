package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// listen opens an event stream, and returns after its first event.
func (s *streaming) listen(t testing.TB, target string) (*http.Response, *bufio.Reader) {
	t.Helper()
	response, err := s.client.Do(s.request(http.MethodGet, target, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	r := bufio.NewReader(response.Body)
	if line, err := r.ReadString('\n'); err != nil || line != "data: hello\n" {
		t.Fatalf("%s %q, %v", response.Status, line, err)
	}
	return response, r
}

// An event stream ends with its credential as if the backend had ended it, and the
// connection goes on.
func TestEventStream(t *testing.T) {
	s := newStreaming(t)
	short := "/events?token=" + lastingToken(t, 2*time.Second)
	_, expired := s.listen(t, short)
	left, _ := s.listen(t, ann(t, "/events"))
	_, withdrawn := s.listen(t, ann(t, "/events"))
	if open := s.metrics("streams_open")[`streams_open{route="events"}`]; open != 3 {
		t.Errorf("%v open", open)
	}
	for _, end := range []struct {
		reason string
		bring  func()
	}{
		{"token_expired", func() {
			if rest, err := io.ReadAll(expired); err != nil || string(rest) != "\n" {
				t.Errorf("then %q, %v", rest, err)
			}
		}},
		{"client_closed", func() { left.Body.Close() }},
		{"unknown_key", func() {
			s.reload(t, "SECRETS", `{ id: "0", value: "another-stream-secret-of-32-bytes" }`)
			if rest, err := io.ReadAll(withdrawn); err != nil || string(rest) != "\n" {
				t.Errorf("then %q, %v", rest, err)
			}
		}},
	} {
		end.bring()
		await(t, "the backend's end", s.chat.ended)
		logged := s.log.next(t, "stream")
		if logged["reason"] != end.reason || logged["route"] != "events" || logged["bytes_sent"] != 13.0 {
			t.Errorf("logged %v, want %s", logged, end.reason)
		}
	}
	if got := s.send(http.MethodGet, "/plain"); got.status != http.StatusOK {
		t.Errorf("afterwards: %+v", got)
	}
}

// A shutdown ends every stream in order, and waits for that.
func TestStreamsAtShutdown(t *testing.T) {
	s := newStreaming(t)
	socket := s.connect(t, ann(t, "/chat"))
	_, events := s.listen(t, ann(t, "/events"))
	s.interrupt()
	if diff := cmp.Diff(websocket.CloseError{Code: 1001, Reason: "shutting_down"}, closed(t, socket)); diff != "" {
		t.Error(diff)
	}
	if rest, err := io.ReadAll(events); err != nil || string(rest) != "\n" {
		t.Errorf("then %q, %v", rest, err)
	}
	s.stop()
	for range 2 {
		if reason := s.log.next(t, "stream")["reason"]; reason != "shutting_down" {
			t.Errorf("logged %v", reason)
		}
	}
}

// The ends of many are spread.
func TestStreamsAtShutdownSpread(t *testing.T) {
	s := newStreaming(t)
	s.values["DRAIN"] = "2s"
	s.reload(t)
	began := time.Now()
	times := make(chan time.Duration, 20)
	for range cap(times) {
		c := s.connect(t, ann(t, "/chat"))
		go func() {
			_, _, _ = c.Read(context.Background()) // it is closed at the end
			times <- time.Since(began)
		}()
	}
	began = time.Now()
	s.interrupt()
	first, last := time.Hour, time.Duration(0)
	for range cap(times) {
		at := await(t, "an end", times)
		first, last = min(first, at), max(last, at)
	}
	if last-first < 200*time.Millisecond {
		t.Errorf("all ended within %s", last-first)
	}
	s.stop()
}

// A credential may stand in the subprotocols, as browsers must send it: it ends
// here, and its marker is answered where the backend chooses nothing else.
func TestWebsocketProtocols(t *testing.T) {
	s := newStreaming(t)
	token := lastingToken(t, 0)
	for _, test := range []struct{ offered, reached, chosen string }{
		{"Bearer " + token, "", "Bearer"},
		{"chat.v1 bearer " + token, "chat.v1", "chat.v1"},
		{"chat.v0 bearer " + token, "chat.v0", "bearer"},
	} {
		c, _, err := s.open(t, "/chat", &websocket.DialOptions{Subprotocols: strings.Fields(test.offered)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		r := s.chat.next(t)
		if got := strings.Join(r.header["Sec-Websocket-Protocol"], ", "); got != test.reached || c.Subprotocol() != test.chosen {
			t.Errorf("the backend got %q, the client %q, want %+v", got, c.Subprotocol(), test)
		}
		if got := r.header.Get("X-Customer-Id"); got != "ann" {
			t.Errorf("the customer is %q", got)
		}
		say(t, c, "hello")
	}
}

// Another page cannot open a websocket with a browser's cookies.
func TestWebsocketOrigins(t *testing.T) {
	s := newStreaming(t)
	for origin, allowed := range map[string]bool{"https://shop.example": true, "": true, "https://evil.example": false, "null": false} {
		h := http.Header{"Cookie": {"session=" + lastingToken(t, 0)}}
		if origin != "" {
			h["Origin"] = []string{origin}
		}
		c, answer, err := s.open(t, "/page", &websocket.DialOptions{HTTPHeader: h})
		if allowed != (err == nil) || !allowed && answer.Header.Get("Postern-Reason") != "origin_not_allowed" {
			t.Errorf("%q: %v", origin, err)
		}
		if err == nil {
			if cookies := s.chat.next(t).header["Cookie"]; cookies != nil {
				t.Errorf("the backend got %q", cookies)
			}
			c.CloseNow()
		}
	}
}

// Where no route says upgrade, a handshake is a request like any other.
func TestWebsocketNotServed(t *testing.T) {
	s := newStreaming(t)
	if got := s.send(http.MethodGet, "/plain", "Connection: Upgrade", "Upgrade: websocket", "Sec-Websocket-Version: 13", "Sec-Websocket-Key: "+sampleKey); got.status != 200 {
		t.Errorf("%+v", got)
	}
	if r := s.chat.next(t); r.header["Upgrade"] != nil || r.header["Connection"] != nil {
		t.Errorf("the backend got %v", r.header)
	}
}

// A route that only reports opens what it would refuse, without an identity, and
// ends it once it enforces.
func TestWebsocketReported(t *testing.T) {
	s := newStreaming(t)
	c, _, err := s.open(t, "/report?token="+lastingToken(t, -time.Second), &websocket.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if id := s.chat.next(t).header["X-Customer-Id"]; id != nil {
		t.Errorf("the customer is %q", id)
	}
	say(t, c, "hello")
	if logged := s.log.next(t, "request"); logged["decision"] != "report_deny" || logged["reason"] != "token_expired" {
		t.Errorf("logged %v", logged)
	}
	s.reload(t, "MODE", "enforce")
	if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "token_expired"}, closed(t, c)); diff != "" {
		t.Error(diff)
	}
}

// What is refused before the credential is looked at is reported as well.
func TestWebsocketReportedNames(t *testing.T) {
	s := newStreaming(t)
	c := s.connect(t, "/report?token=a&Token=b")
	say(t, c, "hello")
	if logged := s.log.next(t, "request"); logged["decision"] != "report_deny" || logged["reason"] != "malformed_request" {
		t.Errorf("logged %v", logged)
	}
}
