package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// Where streams may take longer than the grace, as by default, all are told of the
// shutdown nonetheless.
func TestStreamsAtShutdownWithLittleGrace(t *testing.T) {
	chat := newChat(t)
	yaml := strings.NewReplacer("streams: { drain: 0s }\n", "", "shutdown_delay: 0s", "shutdown_delay: 0s, shutdown_grace: 2s").Replace(upstreamYAML)
	b := start(t, yaml, map[string]string{"CHAT": chat.URL, "UPGRADE": ", upgrade: websocket"})
	told := make(chan websocket.CloseError, 40)
	for range cap(told) {
		c, _, err := websocket.Dial(t.Context(), "ws://"+b.address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		go func() {
			_, _, err := c.Read(context.Background()) // it is closed at the end
			end, _ := errors.AsType[websocket.CloseError](err)
			told <- end
		}()
	}
	b.stop()
	for range cap(told) {
		if diff := cmp.Diff(websocket.CloseError{Code: 1001, Reason: "shutting_down"}, await(t, "a close", told)); diff != "" {
			t.Error(diff)
		}
	}
}
