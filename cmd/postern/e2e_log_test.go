package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"postern/proxy"
)

func TestLoggedPath(t *testing.T) {
	data := newSpy(t, nil)
	for setting, want := range map[string]string{"pattern": "/files/{name}", "full": "/files/a%20b"} {
		b := start(t, hardeningYAML+"\nlog: { path: "+setting+" }\n", map[string]string{"DATA": data.URL, "PATIENCE": "30s", "SECRET": "a"})
		b.send(http.MethodGet, "/files/a%20b?query=hidden")
		if got := b.log.next(t, "request")["path"]; got != want {
			t.Errorf("%s: logged %v, want %s", setting, got, want)
		}
		b.stop()
	}
}

func TestLogFormat(t *testing.T) {
	for format, isJSON := range map[string]bool{"json": true, "text": false} {
		var out strings.Builder
		newLogger(proxy.LogSettings{Format: format}, &out).Info("request", "status", 200)
		if json.Valid([]byte(out.String())) != isJSON || !strings.Contains(out.String(), "request") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}

// What net/http says of an upstream's stray bytes goes into our log, the bytes
// themselves nowhere.
func TestStrayLog(t *testing.T) {
	tape := newTape()
	stray := proxy.StrayLog(newLogger(proxy.LogSettings{}, tape), slog.LevelWarn)
	stray.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "HTTP/1.1 200 OK\r\n\r\nhush", fmt.Errorf("hush"))
	got := tape.next(t, "Unsolicited response received on idle HTTP channel starting with")
	if got["level"] != "WARN" || got["left_out"] != true || strings.Contains(tape.String(), "hush") {
		t.Errorf("logged %s", tape)
	}
}
