package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

const lorisYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, read_header_timeout: 200ms, idle_timeout: 300ms }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`

// A client that sends what comes before a request bit by bit gains nothing: the time
// is for the whole of it, be it TLS, a preface or a header.
func TestSlowLoris(t *testing.T) {
	data := newSpy(t, nil)
	secureYAML, ca := withTLS(t, lorisYAML)
	plain := start(t, withH2C(lorisYAML), map[string]string{"DATA": data.URL})
	secure := start(t, secureYAML, map[string]string{"DATA": data.URL})

	const line = "GET / HTTP/1.1\r\nHost: postern\r\n"
	fields := func(i int) string { return fmt.Sprintf("X-%d: b\r\n", i) }
	header := http2.ClientPreface + framed(func(f *http2.Framer) error {
		_ = f.WriteSettings() // to a buffer, as what follows
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(get)})
	})
	continuations := func(i int) string {
		return framed(func(f *http2.Framer) error {
			return f.WriteContinuation(1, false, encode([]string{fmt.Sprintf("x-%d: b", i)}))
		})
	}
	silence := func(int) string { return "" }
	hello := clientHello(t)

	for _, loris := range []struct {
		name     string
		bed      *testbed
		protocol string           // agreed on in a handshake of TLS, "" where there is none
		begin    string           // what is sent at once
		drip     func(int) string // and then from time to time
	}{
		{"fields", plain, "", line, fields},
		{"a request line", plain, "", "", bytewise(line)},
		{"a preface", plain, "", "", bytewise(http2.ClientPreface)},
		{"a preface alone", plain, "", http2.ClientPreface, silence},
		{"a header of HTTP/2", plain, "", header, continuations},
		{"no TLS", secure, "", "", silence},
		{"a ClientHello", secure, "", "", bytewise(hello)},
		{"a ClientHello alone", secure, "", hello, silence},
		{"TLS alone", secure, "http/1.1", "", silence},
		{"TLS and fields", secure, "http/1.1", line, fields},
		{"TLS and a preface alone", secure, "h2", http2.ClientPreface, silence},
		{"TLS and a header of HTTP/2", secure, "h2", header, continuations},
	} {
		t.Run(loris.name, func(t *testing.T) {
			t.Parallel()
			var c net.Conn = dial(t, loris.bed.address)
			if loris.protocol != "" {
				c = tls.Client(c, &tls.Config{RootCAs: ca.pool(), ServerName: tlsHost, NextProtos: []string{loris.protocol}})
			}
			_, _ = io.WriteString(c, loris.begin)
			closed := make(chan struct{})
			go func() {
				_, _ = io.Copy(io.Discard, c)
				close(closed)
			}()
			ticks := time.NewTicker(20 * time.Millisecond)
			defer ticks.Stop()
			began := time.Now()
			for i := 0; ; i++ {
				select {
				case <-closed:
					// Else the patience of [dial] is over.
					if took := time.Since(began); took > patience/2 {
						t.Errorf("closed only after %s", took)
					}
					return
				case <-ticks.C:
					_, _ = io.WriteString(c, loris.drip(i))
				}
			}
		})
	}
	t.Cleanup(func() { data.expectNone(t) })
}

// framed returns the bytes of frames.
func framed(write func(*http2.Framer) error) string {
	var b bytes.Buffer
	_ = write(http2.NewFramer(&b, nil)) // a buffer takes everything
	return b.String()
}

// bytewise returns a text a byte at a time.
func bytewise(text string) func(int) string {
	return func(i int) string { return text[min(i, len(text)):min(i+1, len(text))] }
}

// clientHello returns the first record of a client of TLS.
func clientHello(t *testing.T) string {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: tlsHost}).Handshake() // nobody answers
	}()
	record := make([]byte, 5) // its header
	if _, err := io.ReadFull(server, record); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, int(record[3])<<8|int(record[4]))
	if _, err := io.ReadFull(server, content); err != nil {
		t.Fatal(err)
	}
	return string(record) + string(content)
}
