package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// idleSockets opens so many websockets through a proxy, has each echo one frame, and
// returns the memory that the proxy holds for each once they are idle, in bytes.
func idleSockets(p *process, count int) (float64, error) {
	before, err := p.resident()
	if err != nil {
		return 0, err
	}
	for range count {
		c, err := openSocket(p.address)
		if err != nil {
			return 0, err
		}
		defer c.Close()
	}
	time.Sleep(settling)
	after, err := p.resident()
	return float64(after-before) / float64(count), err
}

// settling is how long memory has to go back to the kernel.
const settling = 5 * time.Second

func openSocket(address string) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if err := shakeHands(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// shakeHands asks for a websocket (RFC 6455, section 4.1), and for its own greeting.
func shakeHands(c net.Conn) error {
	_, err := io.WriteString(c, "GET /sockets/echo HTTP/1.1\r\nHost: bench.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(c, 512)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("no websocket: %s", res.Status)
	}
	// A masked text frame of five bytes; the mask of zeros changes none.
	if _, err := io.WriteString(c, "\x81\x85\x00\x00\x00\x00hello"); err != nil {
		return err
	}
	var echoed [7]byte
	if _, err := io.ReadFull(in, echoed[:]); err != nil {
		return err
	}
	if string(echoed[:]) != "\x81\x05hello" {
		return fmt.Errorf("the echo is %q", echoed)
	}
	return nil
}
