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
		{"plain text", upstreamYAML, false, *crowded / 2, 20 << 10},
		// crypto/tls keeps its buffers, which have the size of the largest record.
		{"TLS", secure, true, *crowded / 10, 28 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCrowd(t)
			open := room(t, test.open, 2)
			b := start(t, test.yaml, map[string]string{"CHAT": "http://" + c.backend, "UPGRADE": ", upgrade: websocket"})
			b.log.mute()
			request := fmt.Sprintf("GET /?long=%s HTTP/1.1\r\nHost: postern\r\n%s\r\n", strings.Repeat("x", 4<<10), handshake)
			var taken, left [2]int64
			for wave := range taken {
				goroutines, before := runtime.NumGoroutine(), inUse()
				c.do(order{b.address, request, open, test.tls})
				if got := c.outcomes(open); got["101"] != open {
					t.Fatalf("%v of %d", got, open)
				}
				taken[wave] = inUse() - before
				c.leave()
				eventually(t, "the end of all", func() bool { return runtime.NumGoroutine() <= goroutines })
				left[wave] = inUse() - before
			}
			// The first wave also takes what the runtime keeps for others, such as goroutines.
			each := min(taken[0], taken[1])
			t.Logf("%.1f KiB for each of %d", float64(each)/float64(open)/1024, open)
			if !raceDetector && (each > int64(open)*test.most || left[1] > int64(open)<<8+1<<20) {
				t.Errorf("%d of them take %d bytes, and leave %d", open, taken, left)
			}
		})
	}
}
