package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// changingYAML changes with each TURN: one route and one key go and others come, and
// all that stays is called something else, or stands elsewhere.
const changingYAML = anyPort + `
upstreams: { data: { url: "${DATA}" }, more${TURN}: { url: "http://127.0.0.1:1" } }
authenticators:
  project: { type: token, scheme: Token, tokens: [{ id: "mobile-${TURN}", value: other-secret-${TURN} }, { id: mobile, value: old-secret }] }
  widget:
    type: jwt
    from: [{ query: token }]
    keys: { secrets: [{ id: "${TURN}", value: "the-secret-of-one-turn-alone-no-${TURN}" }, { id: stays, value: "${SECRET}" }] }
    algorithms: [HS256]
    require_exp: false
    customer_id: claims.sub
  customer: { type: jwt, scheme: Bearer, keys: { jwks_url: "${IDP}", refresh: "${TURN}m" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
routes:
  - { name: turn, match: "/turn-${TURN}", upstream: data, authenticate: [anonymous], upgrade: [websocket] }
  - { name: "served-${TURN}", match: /before, upstream: data, authenticate: [project], upgrade: [websocket] }
  - { name: "widget-${TURN}", match: /widget, upstream: data, authenticate: [widget, anonymous], upgrade: [websocket] }
  - { name: "customer-${TURN}", match: /customer, upstream: data, authenticate: [customer], upgrade: [websocket] }
`

// changing is a Postern whose configuration changes, turn by turn, under traffic and
// streams.
type changing struct {
	*streaming
	turn int
}

func newChanging(t *testing.T) (s *changing, customer string) {
	c := &chat{ended: make(chan websocket.StatusCode, 100)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Upgrade") != "":
			c.echo(w, r)
		case strings.HasPrefix(r.URL.RawQuery, "events"):
			tick(w, r)
		}
	}))
	t.Cleanup(c.Close)
	idp := newIssuer(t, "k1")
	s = &changing{&streaming{chat: c, values: map[string]string{"DATA": c.URL, "IDP": idp.URL, "SECRET": streamSecret, "TURN": "1"}}, 1}
	s.testbed = start(t, changingYAML, s.values)
	s.log.next(t, "keys loaded")
	return s, "Authorization: Bearer " + idp.sign(t, "k1", carl())
}

// tick is an event stream without end.
func tick(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, "data: tick\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ticks.C:
		case <-r.Context().Done():
		}
	}
}

// next puts the configuration of the next turn in force: some are posted, some asked
// for by a signal, and every tenth is left to be noticed, after a bad one.
func (s *changing) next(t *testing.T) {
	t.Helper()
	s.turn++
	if s.turn%10 == 0 {
		s.values["TURN"] = "no turn"
		s.configure(changingYAML, s.values)
		if got := s.operate(s.admin, http.MethodPost, "/-/reload"); got.status != http.StatusBadRequest {
			t.Errorf("a bad file: %+v", got)
		}
	}
	s.values["TURN"] = fmt.Sprint(s.turn)
	s.configure(changingYAML, s.values)
	switch {
	case s.turn%10 == 0:
	case s.turn%2 == 0:
		if got := s.operate(s.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
			t.Errorf("%+v", got)
		}
	default:
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
}

// talk opens a websocket with a field of the request, if it is not empty.
func (s *changing) talk(t *testing.T, target, field string) *websocket.Conn {
	t.Helper()
	options := &websocket.DialOptions{}
	if name, value, ok := strings.Cut(field, ": "); ok {
		options.HTTPHeader = http.Header{name: {value}}
	}
	c, _, err := s.open(t, target, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	say(t, c, "hello")
	return c
}

// hear opens an event stream. It counts the lines that come, and how the stream
// ends is told by the channel.
func (s *changing) hear(t *testing.T, target, field string) (lines *atomic.Int64, ended <-chan error) {
	t.Helper()
	r := s.request(http.MethodGet, target, nil)
	if field != "" {
		setFields(t, r, []string{field})
	}
	client := newClient(t)
	client.Timeout = 0
	response, err := client.Do(r)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	t.Cleanup(func() { response.Body.Close() })
	lines, end := new(atomic.Int64), make(chan error, 1)
	go func() {
		scanner := bufio.NewScanner(response.Body)
		for scanner.Scan() {
			lines.Add(1)
		}
		end <- scanner.Err()
	}()
	return lines, end
}

// Whichever way a reload comes, bad configurations included, no request fails and no
// stream ends whose route and credential stand. Those of which one went are told so.
func TestReloadsOfAllKindsUnderTraffic(t *testing.T) {
	turns := 100
	if testing.Short() {
		turns = 20
	}
	s, customer := newChanging(t)
	s.log.mute()
	end := traffic(t, s.testbed)
	defer end()
	var talking []*websocket.Conn
	var heard []*atomic.Int64
	for _, standing := range []struct{ target, field string }{
		{"/before?events", "Authorization: Token old-secret"},
		{"/widget?events&token=" + lastingToken(t, 0), ""},
		{"/widget?events", ""},
		{"/customer?events", customer},
	} {
		talking = append(talking, s.talk(t, standing.target, standing.field))
		lines, _ := s.hear(t, standing.target, standing.field)
		heard = append(heard, lines)
	}
	for range turns {
		token := signed(t, jwt.SigningMethodHS256, "", fmt.Appendf(nil, "the-secret-of-one-turn-alone-no-%d", s.turn), jwt.MapClaims{"sub": "ann"})
		routeless, keyless := s.talk(t, fmt.Sprint("/turn-", s.turn), ""), s.talk(t, "/widget?token="+token, "")
		_, silenced := s.hear(t, "/widget?events&token="+token, "")
		s.next(t)
		if err := await(t, "the end of an event stream without a key", silenced); err != nil {
			t.Errorf("an event stream ends with %v", err)
		}
		told := []websocket.CloseError{closed(t, routeless), closed(t, keyless)}
		if diff := cmp.Diff([]websocket.CloseError{{Code: 4401, Reason: "no_route"}, {Code: 4401, Reason: "unknown_key"}}, told); diff != "" {
			t.Error(diff)
		}
		for range told {
			if got := await(t, "the end of a websocket", s.chat.ended); got != 4401 {
				t.Errorf("the backend was told %d", got)
			}
		}
		for _, c := range talking {
			say(t, c, fmt.Sprint("turn ", s.turn))
		}
	}
	end()
	for _, lines := range heard {
		before := lines.Load()
		eventually(t, "more events", func() bool { return lines.Load() > before })
	}
	want := map[string]float64{`streams_closed_total{reason="no_route"}`: float64(turns), `streams_closed_total{reason="unknown_key"}`: 2 * float64(turns)}
	if diff := cmp.Diff(want, s.metrics("streams_closed_total")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Where the watcher was faster, there was one more.
	got := s.metrics("config_reloads_total")
	if got[`config_reloads_total{result="success"}`] < float64(turns+1) || got[`config_reloads_total{result="failure"}`] < float64(turns/10) {
		t.Errorf("metrics %v", got)
	}
}
