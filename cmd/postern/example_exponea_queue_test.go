package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// sdkQueue keeps events until they are delivered, by the rules of the SDKs in
// stream mode. A flush sends each event once.
type sdkQueue struct {
	system string // android or ios
	// renew is the app's callback: it is told that the token has expired, or was
	// refused, and returns another one.
	renew  func(expired bool) (token string)
	token  string
	events []*queuedEvent
	lost   []string
}

type queuedEvent struct {
	id    string
	tries int
}

// maxTries is after how many refusals an SDK deletes an event.
var maxTries = map[string]int{"android": 10, "ios": 5}

func (q *sdkQueue) track(id string) { q.events = append(q.events, &queuedEvent{id: id}) }

// flush sends what is queued. Android goes on after a failure; iOS stops where it
// takes the server to be down.
func (q *sdkQueue) flush(b *testbed) {
	var kept []*queuedEvent
	for i, e := range q.events {
		got := q.deliver(b, e)
		switch {
		case got.status < 300:
		case got.status >= 500 && q.system == "android":
			kept = append(kept, e)
		case got.status >= 500 && !isMultipleErrors(got.body):
			q.events = append(kept, q.events[i:]...)
			return
		default:
			if e.tries++; e.tries < maxTries[q.system] {
				kept = append(kept, e)
			} else {
				q.lost = append(q.lost, e.id)
			}
		}
	}
	q.events = kept
}

// deliver sends an event, and once more where the app has a new token for a 401. iOS
// waits a second before that.
func (q *sdkQueue) deliver(b *testbed, e *queuedEvent) answer {
	c := sdkCall{q.system + " stream event", http.MethodPost, "/track/u/v1/customers/events?stream_id=acme-stream", nil, q.token,
		`{"customer_ids":{"cookie":"c","registered":"ada@example.com"},"event_type":"payment","properties":{"id":"` + e.id + `"},"timestamp":1700000000.123}`}
	got := c.send(b)
	if got.status != http.StatusUnauthorized {
		return got
	}
	var told struct {
		Expired bool `json:"token_expired"`
	}
	_ = json.Unmarshal([]byte(got.body[:min(len(got.body), 1024)]), &told) // anything else is a refusal
	if c.authorization = q.renew(told.Expired); c.authorization == q.token {
		return got
	}
	q.token = c.authorization
	return c.send(b)
}

// isMultipleErrors reports whether iOS takes a 5xx for final.
func isMultipleErrors(body string) bool {
	var response struct {
		Errors  []json.RawMessage
		Success *bool
	}
	return json.Unmarshal([]byte(body), &response) == nil && response.Errors != nil && response.Success != nil
}

// rounds is how often an app flushes during an outage: more often than either SDK
// tries an event that is refused.
const rounds = 12

// No event is lost while the keys of the tokens are gone, however often the SDKs
// try, and each arrives exactly once when they are back. Android goes on after a
// failure, so that a later one may come first.
func TestExponeaQueuesOutliveKeys(t *testing.T) {
	for _, system := range []string{"android", "ios"} {
		t.Run(system, func(t *testing.T) {
			for name, value := range exponeaSecrets {
				t.Setenv(name, value)
			}
			key, backend := filepath.Join(t.TempDir(), "stream.key"), newSpy(t, nil)
			write := func(content string) {
				t.Helper()
				if err := os.WriteFile(key+".new", []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(key+".new", key); err != nil {
					t.Fatal(err)
				}
			}
			write(exponeaSecrets["ACME_STREAM_KEY"])
			text := strings.NewReplacer(
				"{ env: ACME_STREAM_KEY }", "{ file: "+key+" }",
				"    algorithms: [HS512]\n", "      max_stale: 1s\n    algorithms: [HS512]\n",
			).Replace(exponeaText(t, backend.URL))
			b := start(t, text, nil)

			var refusals []bool
			q := &sdkQueue{system: system, token: streamToken(t, jwt.MapClaims{"exp": fromNow(-time.Hour)})}
			q.renew = func(expired bool) string {
				refusals = append(refusals, expired)
				return streamToken(t, nil)
			}
			var tracked []string
			track := func() {
				tracked = append(tracked, fmt.Sprint("e", len(tracked)))
				q.track(tracked[len(tracked)-1])
			}
			track()
			q.flush(b)
			if len(q.events) != 0 {
				t.Fatalf("%d events are left", len(q.events))
			}
			write("")
			b.log.next(t, "file unusable for too long: nothing that came from it verifies any more")
			for range rounds {
				track()
				q.flush(b)
			}
			if len(q.events) != rounds {
				t.Fatalf("%d events are left, want %d", len(q.events), rounds)
			}
			write(exponeaSecrets["ACME_STREAM_KEY"])
			eventually(t, "an empty queue", func() bool {
				q.flush(b)
				return len(q.events) == 0
			})
			var arrived []string
			for range tracked {
				var event struct{ Properties struct{ ID string } }
				if err := json.Unmarshal([]byte(backend.next(t).body), &event); err != nil {
					t.Fatal(err)
				}
				arrived = append(arrived, event.Properties.ID)
			}
			backend.expectNone(t)
			slices.Sort(tracked)
			slices.Sort(arrived)
			if diff := cmp.Diff(tracked, arrived); diff != "" || q.lost != nil {
				t.Errorf("lost %v; arrived (-want +got):\n%s", q.lost, diff)
			}
			if diff := cmp.Diff([]bool{true}, refusals); diff != "" {
				t.Errorf("the app was told of refused tokens (-want +got):\n%s", diff)
			}
		})
	}
}

// A gate that takes such an outage for the customer's fault would lose every event.
func TestExponeaQueuesLoseWhatIsRefused(t *testing.T) {
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(gate.Close)
	b := &testbed{t: t, client: newClient(t), address: gate.Listener.Addr().String()}
	for system := range maxTries {
		q := &sdkQueue{system: system, renew: func(bool) string { return "" }}
		q.track("e")
		for range rounds {
			q.flush(b)
		}
		if len(q.lost) != 1 {
			t.Errorf("%s has lost %v", system, q.lost)
		}
	}
}
