package main

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const slowPostsYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0" }
limits: { connections: ${CONNECTIONS}, in_flight_body_bytes: ${ROOM} }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  widget:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "2026-11", value: widget-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
  channel: { type: signature, from: [{ header: X-Signature }], hash: sha256, encoding: hex, secrets: [{ id: a, value: channel-secret-of-thirty-two-byte }] }
routes:
  - { name: public, match: /public, upstream: data, authenticate: [anonymous] }
  - { name: customer, match: /customer, upstream: data, authenticate: [widget], body_limit: 16KiB, consistency: [{ request: body.customer }] }
  - { name: channel, match: /channel, upstream: data, authenticate: [channel], body_limit: 16KiB }
`

// What a body takes of the room for bodies when the first of it comes, and what a
// post that is waited for takes in all, in bytes.
const (
	firstRoom = 4 << 10
	maxSlow   = 32 << 10
)

// Slow posts take room only for what has come, and no more together than the
// configuration says; those of strangers take a quarter of it. What is too much
// hears so soon, and is closed. Others are served meanwhile, and the memory comes
// back.
func TestSlowPosts(t *testing.T) {
	ann := "Authorization: JWT " + widgetToken(t, jwt.MapClaims{"sub": "ann"})
	for _, test := range []struct {
		name, route, field string
		share              int    // of the room
		post               string // what becomes of an ordinary one meanwhile
	}{
		{"customers", "customer", ann, 1, "503 overloaded"},
		{"strangers", "channel", "X-Signature: " + strings.Repeat("00", 32), 4, "200"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, c := newSpy(t, nil), startCrowd(t)
			fitting := room(t, *crowded, 1) / 8 * 4
			waiting, refused := fitting/test.share, 2*fitting-fitting/test.share
			b := start(t, slowPostsYAML, map[string]string{
				"DATA": data.URL, "CONNECTIONS": fmt.Sprint(2*fitting + 10), "ROOM": fmt.Sprintf("%dKiB", fitting*firstRoom>>10),
			})
			b.log.mute()
			outcome := func(r *http.Request) string {
				got := b.exchange(r)
				return strings.TrimSpace(fmt.Sprint(got.status, " ", got.header.Get("Postern-Reason")))
			}
			post := func() string {
				return outcome(b.request(http.MethodPost, "/customer", strings.NewReader(`{"customer":"ann"}`), ann, typeJSON))
			}
			goroutines, before := runtime.NumGoroutine(), inUse()
			c.do(order{
				Address: b.address, Connections: 2 * fitting,
				Text: fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: postern\r\n%s\r\nContent-Length: 16000\r\n%s\r\n\r\n{", test.route, typeJSON, test.field),
			})
			if diff := cmp.Diff(map[string]int{"503 overloaded": refused}, c.outcomes(refused)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			if got := b.metrics("in_flight_requests")["in_flight_requests"]; got != float64(waiting) {
				t.Errorf("%v are waited for, want %d", got, waiting)
			}
			eventually(t, "those refused are gone", func() bool { return runtime.NumGoroutine() < goroutines+waiting+10 })
			taken := expectInUse(t, "with slow posts", before+int64(waiting)*maxSlow) - before
			t.Logf("%.1f MiB for %d of %d slow posts", float64(taken)/(1<<20), waiting, 2*fitting)
			if got := outcome(b.request(http.MethodGet, "/public", nil)); got != "200" {
				t.Errorf("a request that needs no room: %s", got)
			}
			if got := post(); got != test.post {
				t.Errorf("a post: %s, want %s", got, test.post)
			}
			c.leave()
			eventually(t, "none is in flight", func() bool { return b.metrics("in_flight_requests")["in_flight_requests"] == 0 })
			expectInUse(t, "without them", before+taken/4)
			if got := post(); got != "200" {
				t.Errorf("a post afterwards: %s", got)
			}
		})
	}
}
