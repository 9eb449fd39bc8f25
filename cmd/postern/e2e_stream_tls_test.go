package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

const streamTLSYAML = anyPort + `
upstreams: { chat: { url: "${CHAT}", tls: { ca_file: ca.crt, server_name: chat.internal } } }
authenticators:
  widget-token: { type: jwt, from: [{ query: token }], keys: { secrets: [{ id: s, value: "${SECRET}" }] }, algorithms: [HS256], customer_id: claims.sub }
routes: [{ name: chat, match: /chat, upstream: chat, authenticate: [widget-token], upgrade: [websocket] }]
`

// A websocket goes on over TLS to an upstream that our own authority vouches for,
// also where that speaks HTTP/2, and ends with its credential as any other does.
func TestWebsocketTLSUpstream(t *testing.T) {
	ca := newAuthority(t, "servers")
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2 offered": true} {
		t.Run(name, func(t *testing.T) {
			s := &streaming{chat: &chat{seen: make(chan received, 1), ended: make(chan websocket.StatusCode, 1)}}
			s.chat.Server = httptest.NewUnstartedServer(s.chat)
			s.chat.TLS = &tls.Config{Certificates: []tls.Certificate{ca.forHost(t, "chat.internal").Certificate}}
			s.chat.EnableHTTP2 = http2
			s.chat.StartTLS()
			t.Cleanup(s.chat.Close)
			f := &folder{dir: t.TempDir(), values: map[string]string{"CHAT": s.chat.URL, "SECRET": streamSecret}}
			f.write(t, "ca.crt", ca.pem())
			file := filepath.Join(f.dir, "postern.yaml")
			writeConfig(t, file, streamTLSYAML, f.values)
			s.testbed = startFile(t, file)

			c, answer, err := s.open(t, "/chat?token="+lastingToken(t, 3*time.Second), &websocket.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if answer.StatusCode != http.StatusSwitchingProtocols {
				t.Errorf("answered %s", answer.Status)
			}
			if seen := s.chat.next(t); seen.target != "/chat" {
				t.Errorf("the backend was asked for %s", seen.target)
			}
			say(t, c, "hello")
			if diff := cmp.Diff(websocket.CloseError{Code: 4401, Reason: "token_expired"}, closed(t, c)); diff != "" {
				t.Error(diff)
			}
			if got := await(t, "the backend's end", s.chat.ended); got != 4401 {
				t.Errorf("the backend was told %d", got)
			}
		})
	}
}
