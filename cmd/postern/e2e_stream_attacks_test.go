package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The example of RFC 6455, section 1.3.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	handshake    = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + sampleKey + "\r\n"
	switching    = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	accepted     = switching + "Sec-WebSocket-Accept: " + sampleAccept + "\r\n"
)

const tunnelYAML = anyPort + `
streams: { drain: 0s }
upstreams: { data: { url: "http://${DATA}", response_header_timeout: 5s } }
routes: [{ name: socket, match: /, upstream: data, authenticate: [anonymous], upgrade: websocket, streams: { max_age: "${AGE}" } }]
`

// tunnel is a Postern before a backend that does with each connection, once a
// request has come, what serve does.
func tunnel(t *testing.T, age string, serve func(c net.Conn, r *bufio.Reader, request *http.Request)) *testbed {
	rogue := newRogue(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		if request, err := http.ReadRequest(r); err == nil {
			serve(c, r, request)
		}
	})
	return start(t, tunnelYAML, map[string]string{"DATA": rogue, "AGE": age})
}

// shake writes the sample handshake for a target, and what follows it at once, and
// reads the answer.
func shake(t *testing.T, address, target, following string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	c := dial(t, address)
	if _, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: postern\r\n"+handshake+"\r\n"+following); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, r, answer
}

// What is no whole handshake is no websocket, and of a refused one nothing that
// follows is taken for a request.
func TestWebsocketHandshake(t *testing.T) {
	type asked struct{ Status, Reason, Upgrade string }
	refused, plain := asked{"400", "malformed_request", ""}, asked{"200", "", ""}
	for _, test := range []struct {
		name, request string
		want          asked
	}{
		{"whole", "GET / HTTP/1.1\r\n" + handshake, asked{"101", "", "websocket"}},
		{"in other case", "GET / HTTP/1.1\r\n" + strings.Replace(strings.Replace(handshake, "websocket", "WebSocket", 1), "Upgrade\r", "keep-alive, uPGRADE\r", 1), asked{"101", "", "websocket"}},
		{"POST", "POST / HTTP/1.1\r\n" + handshake, refused},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n" + handshake, refused},
		{"no Connection", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, "Connection: Upgrade", "X-A: b", 1), refused},
		{"another version", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, "13", "8", 1), refused},
		{"two versions", "GET / HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Version: 13\r\n", refused},
		{"no key", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, "Sec-WebSocket-Key", "X-Key", 1), refused},
		{"short key", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, sampleKey, "c2hvcnQ=", 1), refused},
		{"loose key", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, sampleKey, "dGhlIHNhbXBsZSBub25jZR==", 1), refused},
		{"two keys", "GET / HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Key: " + sampleKey + "\r\n", refused},
		{"alias of the key", "GET / HTTP/1.1\r\n" + handshake + "Sec_WebSocket_Key: " + sampleKey + "\r\n", refused},
		{"two protocols", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, "websocket", "websocket, h2c", 1), refused},
		{"body", "GET / HTTP/1.1\r\nContent-Length: 1\r\n" + handshake, refused},
		{"chunked body", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + handshake, refused},
		{"another protocol", "GET / HTTP/1.1\r\n" + strings.Replace(handshake, "websocket", "h2c", 1), plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := make(chan string, 10)
			b := tunnel(t, "1h", func(c net.Conn, _ *bufio.Reader, r *http.Request) {
				requests <- r.Header.Get("Upgrade")
				if r.Header.Get("Upgrade") != "" {
					_, _ = io.WriteString(c, accepted+"\r\n")
				} else {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
			})
			c := dial(t, b.address)
			line, fields, _ := strings.Cut(test.request, "\r\n")
			_, _ = fmt.Fprintf(c, "%s\r\nHost: postern\r\n%s\r\n", line, fields)
			r := bufio.NewReader(c)
			answer, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := asked{fmt.Sprint(answer.StatusCode), answer.Header.Get("Postern-Reason"), ""}
			if answer.StatusCode < 400 {
				got.Upgrade = await(t, "the request", requests)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if test.want == refused && !answer.Close {
				t.Error("the connection goes on")
			}
		})
	}
}

// A backend that does not answer our key, or chooses what it was not offered, has
// switched to something else: no byte of it passes.
func TestWebsocketHostileBackend(t *testing.T) {
	for name, head := range map[string]string{
		"bare":                  "HTTP/1.1 101 Switching Protocols\r\n",
		"no accept":             switching,
		"wrong accept":          switching + "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
		"two accepts":           accepted + "Sec-WebSocket-Accept: " + sampleAccept + "\r\n",
		"another protocol":      strings.Replace(accepted, "Upgrade: websocket", "Upgrade: h2c", 1),
		"no Connection":         strings.Replace(accepted, "Connection: Upgrade\r\n", "", 1),
		"subprotocol unoffered": accepted + "Sec-WebSocket-Protocol: admin\r\n",
		"garbage":               "websocket now\r\n",
		"endless interim":       strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100),
		"status under 100":      "HTTP/1.1 099 Odd\r\n",
		"huge header":           accepted + "X-A: " + strings.Repeat("a", 2<<20) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := tunnel(t, "1h", func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
				_, _ = io.WriteString(c, head+"\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled")
			})
			c, r, answer := shake(t, b.address, "/", "GET /smuggled HTTP/1.1\r\nHost: postern\r\n\r\n")
			if answer.StatusCode != 502 || answer.Header.Get("Postern-Reason") != "upstream_invalid" {
				t.Fatalf("%+v", answer)
			}
			read(t, answer)
			_ = c.SetReadDeadline(time.Now().Add(patience))
			if rest, err := io.ReadAll(r); err != nil || len(rest) != 0 {
				t.Errorf("then %q, %v", rest, err)
			}
		})
	}
}

// Any other answer is the backend's, and ends the connection with it.
func TestWebsocketRefusedByBackend(t *testing.T) {
	b := tunnel(t, "1h", func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
		_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 14\r\nPostern-Reason: x\r\nContent-Length: 2\r\n\r\nno")
	})
	_, r, answer := shake(t, b.address, "/", "GET /smuggled HTTP/1.1\r\nHost: postern\r\n\r\n")
	got := read(t, answer)
	if got.status != 426 || got.body != "no" || got.header.Get("Sec-Websocket-Version") != "14" || got.header.Get("Postern-Reason") != "" {
		t.Errorf("%+v", got)
	}
	if rest, _ := io.ReadAll(r); len(rest) != 0 {
		t.Errorf("then %q", rest)
	}
}

// What either side sends together with the handshake is not lost.
func TestWebsocketEarlyBytes(t *testing.T) {
	heard := make(chan string, 1)
	b := tunnel(t, "1h", func(c net.Conn, r *bufio.Reader, _ *http.Request) {
		_, _ = io.WriteString(c, accepted+"Postern-Reason: x\r\n\r\n\x81\x05early")
		frame := make([]byte, 11)
		_, _ = io.ReadFull(r, frame)
		heard <- string(frame)
	})
	frame := "\x81\x85\x00\x00\x00\x00hello"
	_, r, answer := shake(t, b.address, "/", frame)
	if answer.StatusCode != 101 || answer.Header.Get("Postern-Reason") != "" {
		t.Fatalf("%+v", answer)
	}
	got := make([]byte, 7)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "\x81\x05early" {
		t.Errorf("%q, %v", got, err)
	}
	if got := await(t, "the frame", heard); got != frame {
		t.Errorf("the backend heard %q", got)
	}
}

// In the middle of a frame nothing can be said: what stays there is cut off, and
// what reaches its end hears why.
func TestWebsocketEndsBetweenFrames(t *testing.T) {
	tests := []struct {
		name, begun, rest string
		want              string // after begun
	}{
		{"within a header", "\x82\x7e\x01", "", ""},
		{"within a payload", "\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00abc", "", ""},
		{"within a length that is none", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffabc", "", ""},
		{"within an oversized close", "\x88\x7e\x10\x00abc", "", ""},
		{"between fragments", "\x01\x03abc", "", "\x88\x09\x11\x31max_age"},
		{"before the last byte", "\x81\x04abc", "d", "d\x88\x09\x11\x31max_age"},
	}
	b := tunnel(t, "1s", func(c net.Conn, r *bufio.Reader, request *http.Request) {
		i, err := strconv.Atoi(request.URL.Path[1:])
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, accepted+"\r\n"+tests[i].begun)
		head := make([]byte, 2)
		_, err = io.ReadFull(r, head) // our close, which is masked
		if err != nil || head[0] != 0x88 || head[1] != 0x89 {
			t.Errorf("%s: the backend heard %q, %v", tests[i].name, head, err)
		}
		_, _ = io.WriteString(c, tests[i].rest)
		_, _ = io.Copy(io.Discard, r)
	})
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, r, _ := shake(t, b.address, fmt.Sprint("/", i), "")
			_ = c.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(r)
			if err != nil || string(got) != test.begun+test.want {
				t.Errorf("%q, %v", got, err)
			}
			if reason := b.log.next(t, "stream")["reason"]; reason != "max_age" {
				t.Errorf("logged %v", reason)
			}
		})
	}
}

// Half a connection is none: where one side stops sending, the other is told.
func TestWebsocketHalfClose(t *testing.T) {
	for _, who := range []string{"client", "upstream"} {
		t.Run(who, func(t *testing.T) {
			gone := make(chan error, 1)
			b := tunnel(t, "1h", func(c net.Conn, r *bufio.Reader, _ *http.Request) {
				_, _ = io.WriteString(c, accepted+"\r\n")
				if who == "upstream" {
					_ = c.(*net.TCPConn).CloseWrite()
				}
				_, err := io.Copy(io.Discard, r)
				gone <- err
			})
			c, r, _ := shake(t, b.address, "/", "")
			if who == "client" {
				_ = c.(*net.TCPConn).CloseWrite()
			}
			_, _ = io.ReadAll(r) // however it ends
			_ = await(t, "the backend's end", gone)
			if reason := b.log.next(t, "stream")["reason"]; reason != who+"_closed" {
				t.Errorf("logged %v", reason)
			}
		})
	}
}

// A side that reads nothing holds up the one that writes, and no memory; and its
// stream ends in time all the same.
func TestWebsocketSlowReader(t *testing.T) {
	written := make(chan int64, 1)
	b := tunnel(t, "2s", func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
		_, _ = io.WriteString(c, accepted+"\r\n\x82\x7f\x00\x00\x00\x10\x00\x00\x00\x00")
		n, _ := io.Copy(c, endless{})
		written <- n
	})
	_, _, answer := shake(t, b.address, "/", "")
	if answer.StatusCode != 101 {
		t.Fatalf("%+v", answer)
	}
	// The buffers of both connections' kernels, which grow by themselves.
	if n := await(t, "the backend's end", written); n > 64<<20 {
		t.Errorf("the backend could write %d bytes", n)
	}
	if logged := b.log.next(t, "stream"); logged["reason"] != "max_age" {
		t.Errorf("logged %v", logged)
	}
}

// endless is a reader of zeros.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) { return len(p), nil }
