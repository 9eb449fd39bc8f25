// Command backend is what stands behind every proxy that is measured. It answers
// any request with the same 1,200 bytes of JSON, and takes as little time for that
// as it can, so that it is never what limits a proxy.
//
// A path that holds /slow is answered after half a second. A websocket gets
// each of its short frames back.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	bodySize = 1200
	slowness = 500 * time.Millisecond
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(bodySize) +
		"\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nCache-Control: no-store\r\n\r\n\"" + strings.Repeat("x", bodySize-2) + "\"")
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer c.Close()
			_ = serve(c, answer) // ends where the proxy closes
		}()
	}
}

// request is what the backend looks at.
type request struct {
	slow   bool
	length int64
	key    string // of a websocket's handshake
}

func serve(c net.Conn, answer []byte) error {
	in := bufio.NewReader(c)
	for {
		r, err := read(in)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, r.length); err != nil {
			return err
		}
		if r.slow {
			time.Sleep(slowness)
		}
		if r.key != "" {
			return echo(c, in, r.key)
		}
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}

// read takes one request's head. It is no parser of HTTP for the world: only
// proxies under test speak to it.
func read(in *bufio.Reader) (r request, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	_, target, _ := bytes.Cut(line, []byte(" "))
	r.slow = bytes.Contains(target, []byte("/slow"))
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return r, err
		}
		name, value, isField := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		switch {
		case !isField:
			return r, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if r.length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return r, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return r, fmt.Errorf("a body of unknown length")
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Key")):
			r.key = string(bytes.TrimSpace(value))
		}
	}
}

// echo accepts a websocket (RFC 6455, section 4.2.2) and sends back what it gets.
func echo(c net.Conn, in io.Reader, key string) error {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	var frame [2 + 4 + 125]byte // the longest that a length of one byte can tell, masked
	for {
		if _, err := io.ReadFull(in, frame[:6]); err != nil {
			return err
		}
		length, mask := int(frame[1]&0x7f), frame[2:6]
		if length > 125 {
			return fmt.Errorf("a frame too long to echo")
		}
		payload := frame[6 : 6+length]
		if _, err := io.ReadFull(in, payload); err != nil {
			return err
		}
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
		if _, err := c.Write(append([]byte{frame[0], byte(length)}, payload...)); err != nil {
			return err
		}
	}
}
