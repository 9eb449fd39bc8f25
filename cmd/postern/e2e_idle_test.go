package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Thousands of websockets on which nobody says anything take little each, however
// long their requests were, and leave nothing behind.
func TestIdleWebsockets(t *testing.T) {
	secure, _ := withTLS(t, upstreamYAML)
	for _, test := range []struct {
		name, yaml string
		tls        bool
		open       int
		most       int64 // bytes of heap and stacks for each
	}{
		{"plain text", upstreamYAML, false, *crowded / 2, 16 << 10},
		// crypto/tls keeps its buffers, which have the size of the largest record.
		{"TLS", secure, true, *crowded / 10, 26 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCrowd(t)
			open := room(t, test.open, 2)
			b := start(t, test.yaml, map[string]string{"CHAT": "http://" + c.backend, "UPGRADE": ", upgrade: websocket"})
			b.log.mute()
			request := fmt.Sprintf("GET /?long=%s HTTP/1.1\r\nHost: postern\r\n%s\r\n", strings.Repeat("x", 4<<10), handshake)
			for wave := range 2 {
				goroutines, before := runtime.NumGoroutine(), inUse()
				c.do(order{b.address, request, open, test.tls})
				if got := c.outcomes(open); got["101"] != open {
					t.Fatalf("%v of %d", got, open)
				}
				taken := expectInUse(t, "with all of them", before+int64(open)*test.most) - before
				t.Logf("%.1f KiB for each of %d", float64(taken)/float64(open)/1024, open)
				c.leave()
				eventually(t, "the end of all", func() bool { return runtime.NumGoroutine() <= goroutines })
				if wave > 0 { // the first leaves what the runtime keeps for others, such as goroutines
					expectInUse(t, "without them", before+int64(open)<<8+1<<20)
				}
			}
		})
	}
}
