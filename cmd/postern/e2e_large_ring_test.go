package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A large ring is replaced while it is in use: no request fails, and none waits
// for it.
func TestLargeRingIsReplaced(t *testing.T) {
	const tenants = 20_000
	data := newSpy(t, nil)
	ring := filepath.Join(t.TempDir(), "ring.json")
	write := func(secretOfLast string) {
		var text strings.Builder
		text.WriteString("{")
		for i := range tenants {
			fmt.Fprintf(&text, "\"tenant-%d\":[{\"id\":\"1\",\"value\":\"secret-%032d\"}],\n", i, i)
		}
		fmt.Fprintf(&text, "\"last\":[{\"id\":\"1\",\"value\":%q}]}", secretOfLast)
		if err := os.WriteFile(ring+"~", []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(ring+"~", ring); err != nil {
			t.Fatal(err)
		}
	}
	write(firstSecret)
	b := start(t, anyPort+`
upstreams: { data: { url: "${DATA}" } }
authenticators: { tenant: { type: jwt, scheme: Ring, algorithms: [HS256], keys: { keyring_file: "${RING}", select: path.tenant } } }
routes: [{ match: "/{tenant}", upstream: data, authenticate: [tenant] }]
`, map[string]string{"DATA": data.URL, "RING": ring})
	old := shared(t, "Ring", firstSecret)
	b.expect(t, "", "/last", old)
	steady := b.request(http.MethodGet, "/tenant-7", nil, shared(t, "Ring", fmt.Sprintf("secret-%032d", 7)))
	var ended sync.WaitGroup
	stop := make(chan struct{})
	var slowest time.Duration
	ended.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-data.seen:
			default:
			}
			begun := time.Now()
			response, err := b.client.Do(steady)
			if err != nil {
				t.Error(err)
				return
			}
			if response.Body.Close(); response.StatusCode != http.StatusOK {
				t.Error(response.Status)
				return
			}
			slowest = max(slowest, time.Since(begun))
		}
	})
	for i := range 3 {
		write(fmt.Sprintf("%s-%d", secondSecret, i))
		b.log.next(t, "configuration reloaded")
	}
	close(stop)
	ended.Wait()
	t.Logf("the slowest request took %s", slowest)
	b.expect(t, "bad_signature", "/last", old)
	b.expect(t, "", "/last", shared(t, "Ring", secondSecret+"-2"))
}
