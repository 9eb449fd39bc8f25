package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/coder/websocket"
)

const upstreamYAML = anyPort + `
limits: { connections: 20000 }
streams: { drain: 0s }
upstreams: { chat: { url: "${CHAT}" } }
routes: [{ name: chat, match: /, upstream: chat, authenticate: [anonymous]${UPGRADE} }]
`

// A websocket goes through a unix socket as through TCP.
func TestWebsocketUnixUpstream(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "chat.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	backend := &chat{seen: make(chan received, 1), ended: make(chan websocket.StatusCode, 1)}
	server := &http.Server{Handler: backend}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	b := start(t, upstreamYAML, map[string]string{"CHAT": "unix://" + socket, "UPGRADE": ", upgrade: websocket"})
	c, _, err := websocket.Dial(t.Context(), "ws://"+b.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	say(t, c, "hello")
}

// An upstream whose certificate nobody vouches for gets no handshake.
func TestWebsocketUntrustedUpstream(t *testing.T) {
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	backend.Config.ErrorLog = log.New(io.Discard, "", 0)
	backend.StartTLS()
	t.Cleanup(backend.Close)
	b := start(t, upstreamYAML, map[string]string{"CHAT": backend.URL, "UPGRADE": ", upgrade: websocket"})
	_, answer, err := websocket.Dial(t.Context(), "ws://"+b.address+"/", nil)
	if err == nil || answer.Header.Get("Postern-Reason") != "upstream_unreachable" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// What gRPC needs of an h2c upstream: each message at once, and the trailers.
func TestH2CUpstreamStreams(t *testing.T) {
	more := make(chan struct{})
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = fmt.Fprint(w, r.Proto)
		w.(http.Flusher).Flush()
		<-more
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "done")
	}))
	backend.Config.Protocols = new(http.Protocols)
	backend.Config.Protocols.SetUnencryptedHTTP2(true)
	backend.Start()
	t.Cleanup(backend.Close)
	b := start(t, upstreamYAML, map[string]string{"CHAT": "h2c://" + backend.Listener.Addr().String(), "UPGRADE": ""})
	response, err := b.client.Do(b.request(http.MethodPost, "/chat.Chat/Say", nil, "Te: trailers"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, len("HTTP/2.0"))
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "HTTP/2.0" {
		t.Fatalf("%q, %v", first, err)
	}
	close(more)
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if response.Trailer.Get("Grpc-Status") != "0" || response.Trailer.Get("Grpc-Message") != "done" {
		t.Errorf("trailers %v", response.Trailer)
	}
}
