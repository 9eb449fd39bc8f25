package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"syscall"
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

// BenchmarkIdleWebsockets reports what an idle websocket costs, of five thousand or
// as many as there may be open files. What the test's own two ends cost is part of
// it, and little: both are bare connections, and the backend's has a goroutine.
func BenchmarkIdleWebsockets(b *testing.B) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		b.Fatal(err)
	}
	open := int(min(5000, files.Cur/4-100))
	backend := newRogue(b, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = io.WriteString(c, accepted+"\r\n")
		_, _ = c.Read(make([]byte, 1))
	})
	bed := start(b, upstreamYAML, map[string]string{"CHAT": "http://" + backend, "UPGRADE": ", upgrade: websocket"})
	for b.Loop() {
		before := inUse()
		ends := make([]net.Conn, open)
		for i := range ends {
			c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", bed.address)
			if err != nil {
				b.Fatal(err)
			}
			ends[i] = c
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: postern\r\n"+handshake+"\r\n")
			answer := make([]byte, 12)
			if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 101" {
				b.Fatalf("%q, %v", answer, err)
			}
		}
		b.ReportMetric(float64(inUse()-before)/float64(open)/1024, "KiB/stream")
		b.ReportMetric(float64(open), "streams")
		for _, c := range ends {
			c.Close()
		}
		eventually(b, "the end of all", func() bool { return bed.metrics("streams_open")[`streams_open{route="chat"}`] == 0 })
	}
}

// inUse returns the bytes of heap and stacks after what is garbage is gone.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
