package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const socketsYAML = anyPort + `
streams: { drain: 0s }
upstreams: { chat: { url: "http://127.0.0.1:${PORT}" } }
authenticators:
  widget-token:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "1", value: ` + streamSecret + ` }] }
    algorithms: [HS256]
    require_exp: false
    customer_id: claims.sub
identity_headers: { X-Customer-Id: "{customer_id}" }
routes:
  - { name: ws, match: /ws, upstream: chat, authenticate: [widget-token], upgrade: [websocket] }
  - { name: io, match: /socket.io/, upstream: chat, authenticate: [widget-token], upgrade: [websocket] }
`

// startSockets runs the backend of npm's packages, behind Postern, and returns what
// the backend prints.
func startSockets(t *testing.T) (*testbed, *bufio.Scanner) {
	nodeModules(t, "testdata/npm-sockets")
	command := exec.CommandContext(t.Context(), "node", "backend.mjs")
	command.Dir = "testdata/npm-sockets"
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	printed := bufio.NewScanner(output)
	if !printed.Scan() {
		t.Fatal(printed.Err())
	}
	port, _ := strings.CutPrefix(printed.Text(), "port ")
	return start(t, socketsYAML, map[string]string{"PORT": port}), printed
}

// runSockets runs one of the clients of npm's packages.
func runSockets(t *testing.T, script string, arguments ...string) (printed any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a client that waits for ever fails its own test alone
	defer cancel()
	command := exec.CommandContext(ctx, "node", append([]string{script}, arguments...)...)
	command.Dir, command.Stderr = "testdata/npm-sockets", os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &printed); err != nil {
		t.Fatalf("%q: %v", output, err)
	}
	return printed
}

// The client and the server of ws, which compress, are both told of the end.
func TestNPMWebsocket(t *testing.T) {
	b, backend := startSockets(t)
	got := runSockets(t, "ws.mjs", "ws://"+b.address+"/ws", "JWT "+lastingToken(t, 4*time.Second))
	if diff := cmp.Diff(any(map[string]any{
		"heard": []any{"ann hello", "300004", "bytes 70000", "pong"}, "code": 4401.0, "reason": "token_expired",
	}), got); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"ping", "closed 4401 token_expired"} {
		if !backend.Scan() || backend.Text() != want {
			t.Errorf("the backend said %q, want %q", backend.Text(), want)
		}
	}
	if diff := cmp.Diff(any(map[string]any{"status": 401.0}), runSockets(t, "ws.mjs", "ws://"+b.address+"/ws", "JWT "+lastingToken(t, -time.Second))); diff != "" {
		t.Error(diff)
	}
}

// socket.io begins by long polling, and goes on as a websocket.
func TestNPMSocketIO(t *testing.T) {
	b, _ := startSockets(t)
	got := runSockets(t, "socketio.mjs", "http://"+b.address, "JWT "+lastingToken(t, time.Hour))
	if diff := cmp.Diff(any([]any{"ann polling hello", "ann websocket hello", "ann websocket hello"}), got); diff != "" {
		t.Error(diff)
	}
	got = runSockets(t, "socketio.mjs", "http://"+b.address, "JWT "+lastingToken(t, -time.Minute))
	if diff := cmp.Diff(any([]any{"xhr poll error"}), got); diff != "" {
		t.Error(diff)
	}
}
