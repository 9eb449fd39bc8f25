package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A side that announces a large frame, begins it and falls silent holds no large
// buffer by that.
func TestWebsocketStalledFrames(t *testing.T) {
	backend := newRogue(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, accepted+"\r\n")
			_, _ = io.Copy(io.Discard, c)
		}
	})
	b := start(t, upstreamYAML, map[string]string{"CHAT": "http://" + backend, "UPGRADE": ", upgrade: websocket"})
	clients := make([]net.Conn, 300)
	for i := range clients {
		clients[i], _, _ = shake(t, b.address, "/", "")
	}
	idle := inUse()
	begun := append([]byte("\x82\xff\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00"), make([]byte, 2000)...)
	for _, c := range clients {
		if _, err := c.Write(begun); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "little memory in use", func() bool { return inUse()-idle < int64(len(clients))*(8<<10) })
}

// A side that says its close, and then neither sends nor reads, ends its stream also
// where the other writes on and on.
func TestWebsocketCloseWithoutReading(t *testing.T) {
	for _, test := range []struct{ who, close, flood string }{
		{"client", "\x88\x82\x00\x00\x00\x00\x03\xe8", "\x82\x7f\x00\x00\x00\x10\x00\x00\x00\x00"},
		{"upstream", "\x88\x02\x03\xe8", "\x82\xff\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		t.Run(test.who, func(t *testing.T) {
			upstream, over := make(chan net.Conn, 1), make(chan struct{})
			b := tunnel(t, "1h", func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
				_, _ = io.WriteString(c, accepted+"\r\n")
				upstream <- c
				<-over
			})
			defer close(over)
			leaving, _, _ := shake(t, b.address, "/", "")
			flooding := await(t, "the backend's end", upstream)
			if test.who == "upstream" {
				leaving, flooding = flooding, leaving
			}
			var written atomic.Int64
			go func() {
				n, err := io.WriteString(flooding, test.flood)
				for err == nil {
					written.Add(int64(n))
					n, err = flooding.Write(make([]byte, 32<<10))
				}
			}()
			held := int64(0)
			eventually(t, "a writer that is held up", func() bool {
				before := held
				time.Sleep(100 * time.Millisecond)
				held = written.Load()
				return held > 0 && held == before
			})
			if _, err := io.WriteString(leaving, test.close); err != nil {
				t.Fatal(err)
			}
			if err := leaving.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if reason := b.log.next(t, "stream")["reason"]; reason != test.who+"_closed" {
				t.Errorf("logged %v", reason)
			}
		})
	}
}
