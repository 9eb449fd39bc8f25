package main

import (
	"bytes"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Row is one request of HTTP/2 as a client can write it frame by frame, and
// what comes of it: the status with the reason, where Postern gives one, or the error
// by which net/http ends the stream or the connection.
type http2Row struct {
	name   string
	fields string // a line each, after those of a GET for /public/a, of which one of the same name takes the place; "-name" leaves it out
	order  bool   // the fields stand first
	data   string
	tail   string // the trailer, a line each
	want   string
	reach  string // the target, host and body that reached the backend
}

// get are the pseudo-header fields of an ordinary request.
var get = []string{":method: GET", ":scheme: https", ":authority: postern.test", ":path: /public/a"}

// block returns the fields of the header, compressed.
func (r *http2Row) block() []byte {
	var lines []string
	own := strings.Split(r.fields, "\n")
	named := func(line, name string) bool { return strings.HasPrefix(line, name+": ") || line == "-"+name }
	for _, line := range get {
		name := line[:1+strings.IndexByte(line[1:], ':')]
		i := slices.IndexFunc(own, func(l string) bool { return named(l, name) })
		if i < 0 {
			lines = append(lines, line)
			continue
		}
		if own[i] != "-"+name {
			lines = append(lines, own[i])
		}
		own = slices.Delete(own, i, i+1)
	}
	if r.order {
		return encode(append(own, lines...))
	}
	return encode(append(lines, own...))
}

func encode(lines []string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, line := range lines {
		if line == "" {
			continue
		}
		colon := 1 + strings.Index(line[1:], ": ")
		_ = e.WriteField(hpack.HeaderField{Name: line[:colon], Value: line[colon+2:]})
	}
	return b.Bytes()
}

// http2Conn is a connection on which each frame is written by hand.
type http2Conn struct {
	*http2.Framer
	t testing.TB
}

func (s *secured) dialHTTP2(t *testing.T) *http2Conn {
	t.Helper()
	connection, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.ca.pool(), ServerName: tlsHost, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	c := &http2Conn{http2.NewFramer(connection, connection), t}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.must(c.WriteSettings())
	return c
}

func (c *http2Conn) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// send writes a request as the stream.
func (c *http2Conn) send(stream uint32, r *http2Row) {
	c.t.Helper()
	c.must(c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: r.block(), EndHeaders: true, EndStream: r.data == "" && r.tail == "",
	}))
	if r.data != "" {
		c.must(c.WriteData(stream, r.tail == "", []byte(r.data)))
	}
	if r.tail != "" {
		c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: encode(strings.Split(r.tail, "\n")), EndHeaders: true, EndStream: true}))
	}
}

// outcome reads frames until it is known what came of the stream.
func (c *http2Conn) outcome(stream uint32) string {
	c.t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			c.t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.must(c.WriteSettingsAck())
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				reason := ""
				for _, field := range f.RegularFields() {
					if field.Name == "postern-reason" {
						reason = field.Value
					}
				}
				return strings.TrimSpace(f.PseudoValue("status") + " " + reason)
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "reset " + f.ErrCode.String()
			}
		case *http2.GoAwayFrame:
			return "goaway " + f.ErrCode.String()
		}
	}
}
