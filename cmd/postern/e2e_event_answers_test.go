package main

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

const eventAnswersYAML = anyPort + `
streams: { drain: 0s }
upstreams: { chat: { url: "${CHAT}" } }
authenticators:
  widget-token:
    type: jwt
    from: [{ query: token }]
    keys: { secrets: [{ id: "1", value: "${SECRET}" }] }
    algorithms: [HS256]
    customer_id: claims.sub
routes:
  - { name: events, match: /events, upstream: chat, authenticate: [widget-token] }
  - { name: timed, match: /timed, upstream: chat, authenticate: [anonymous], timeout: 300ms }
`

// newAnnouncer is a backend whose event streams have the header fields that the
// query says, and one event.
func newAnnouncer(t *testing.T) *spy {
	return newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Content-Type", "Content-Length"} {
			if value := r.URL.Query().Get(name); value != "" {
				w.Header().Set(name, value)
			}
		}
		_, _ = io.WriteString(w, "data: hello\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
}

// However a backend announces an event stream, it ends with its credential, and in
// order.
func TestEventStreamAnnounced(t *testing.T) {
	s := start(t, eventAnswersYAML, map[string]string{"CHAT": newAnnouncer(t).URL, "SECRET": streamSecret})
	query := url.Values{"token": {lastingToken(t, 2*time.Second)}}
	bodies := map[string]io.ReadCloser{}
	for name, fields := range map[string][2]string{
		"parameter without a value": {"text/event-stream; charset", ""},
		"parameter without a name":  {"text/event-stream; ;", ""},
		"list":                      {"text/event-stream, text/event-stream", ""},
		"length":                    {"text/event-stream", "100000"},
	} {
		query.Set("Content-Type", fields[0])
		query.Set("Content-Length", fields[1])
		response, err := s.client.Do(s.request(http.MethodGet, "/events?"+query.Encode(), nil))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		bodies[name] = response.Body
	}
	for name, body := range bodies {
		if got, err := io.ReadAll(body); err != nil || string(got) != "data: hello\n\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if reason := s.log.next(t, "stream")["reason"]; reason != "token_expired" {
			t.Errorf("logged %v", reason)
		}
	}
}

// A route whose time is over is why its stream ends, not the client.
func TestEventStreamTimeout(t *testing.T) {
	s := start(t, eventAnswersYAML, map[string]string{"CHAT": newAnnouncer(t).URL, "SECRET": streamSecret})
	response, err := s.client.Do(s.request(http.MethodGet, "/timed?Content-Type=text/event-stream", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err == nil || string(got) != "data: hello\n\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, line := range []string{"stream", "request"} {
		if reason := s.log.next(t, line)["reason"]; reason != "upstream_timeout" {
			t.Errorf("%s: logged %v", line, reason)
		}
	}
}
