package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Request is a request as it is framed: fields may be any, in any order.
type http2Request struct {
	fields   [][2]string
	body     string
	trailers [][2]string
}

// startSecure is [start] with TLS on the listener for clients.
func startSecure(t *testing.T, yaml string, values map[string]string) *testbed {
	t.Helper()
	plain := "shutdown_delay: 0s"
	if !strings.Contains(yaml, plain) {
		t.Fatalf("the configuration has no %q to put TLS beside", plain)
	}
	f, own := &folder{dir: t.TempDir()}, newAuthority(t, "servers").forHost(t, tlsHost)
	f.write(t, "server.crt", own.certificate)
	f.write(t, "server.key", own.key)
	file := filepath.Join(f.dir, "postern.yaml")
	writeConfig(t, file, strings.Replace(yaml, plain, plain+", tls: { cert_file: server.crt, key_file: server.key }", 1), values)
	return startFile(t, file)
}

// dialTLS connects to a listener whose certificate does not matter, for one protocol.
func dialTLS(t *testing.T, address, protocol string) *tls.Conn {
	t.Helper()
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if got := connection.ConnectionState().NegotiatedProtocol; got != protocol {
		t.Fatalf("the listener chose %q", got)
	}
	_ = connection.SetDeadline(time.Now().Add(patience))
	return connection
}

// sendHTTP2 makes one request on a connection of its own. It returns the status
// and Postern's reason, or the error of the stream or the connection.
func sendHTTP2(t *testing.T, address string, r http2Request) string {
	t.Helper()
	connection := dialTLS(t, address, "h2")
	defer connection.Close()
	_, _ = io.WriteString(connection, http2.ClientPreface)
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4<<10, nil)
	_ = framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encode := func(fields [][2]string) []byte {
		block.Reset()
		for _, field := range fields {
			_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		return slices.Clone(block.Bytes())
	}
	hasBody := r.body != "" || len(r.trailers) > 0
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(r.fields), EndHeaders: true, EndStream: !hasBody})
	if hasBody {
		_ = framer.WriteData(1, len(r.trailers) == 0, []byte(r.body))
	}
	if len(r.trailers) > 0 {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(r.trailers), EndHeaders: true, EndStream: true})
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.RSTStreamFrame:
			return "stream: " + frame.ErrCode.String()
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo { // an answer may follow
				return "connection: " + frame.ErrCode.String()
			}
		case *http2.MetaHeadersFrame:
			reason := ""
			for _, field := range frame.RegularFields() {
				if field.Name == "postern-reason" {
					reason = " " + field.Value
				}
			}
			return frame.PseudoValue("status") + reason
		}
	}
}

// What HTTP/2 lets a client write that HTTP/1.1 does not: pseudo-headers in any
// number and order, and fields of any bytes.
func TestHTTP2Tricks(t *testing.T) {
	data := newSpy(t, nil)
	b := startSecure(t, rawYAML, map[string]string{"DATA": data.URL})
	line := func(method, authority, path string, more ...[2]string) [][2]string {
		return append([][2]string{{":method", method}, {":scheme", "https"}, {":authority", authority}, {":path", path}}, more...)
	}
	plain := func(more ...[2]string) [][2]string { return line("GET", "postern", "/files/a", more...) }
	const broken = "stream: PROTOCOL_ERROR"
	for _, test := range []struct {
		name    string
		request http2Request
		answer  string
		reached []string
	}{
		{"plain", http2Request{fields: plain()}, "200", []string{"/files/a"}},
		{"dot segments", http2Request{fields: line("GET", "postern", "/files/../a")}, "400 ambiguous_path", nil},
		{"fragment", http2Request{fields: line("GET", "postern", "/files/a#/../b")}, "400 ambiguous_path", nil},
		{"absolute form", http2Request{fields: line("GET", "postern", "https://admin.example/files/a")}, "400 malformed_request", nil},
		{"no slash", http2Request{fields: line("GET", "postern", "files/a")}, broken, nil},
		{"two slashes", http2Request{fields: line("GET", "postern", "//admin.example/files/a")}, "400 ambiguous_path", nil},
		{"asterisk", http2Request{fields: line("GET", "postern", "*")}, "400 malformed_request", nil},
		{"empty path", http2Request{fields: line("GET", "postern", "")}, broken, nil},
		{"space in the path", http2Request{fields: line("GET", "postern", "/files/a HTTP/1.1")}, "200", []string{"/files/a%20HTTP/1.1"}},
		{"line in the path", http2Request{fields: line("GET", "postern", "/files/a HTTP/1.1\r\nX-Customer-Id: eve\r\n")}, broken, nil},
		{"line in the method", http2Request{fields: line("GET /files/b HTTP/1.1\r\nX-A:", "postern", "/files/a")}, broken, nil},
		{"line in the authority", http2Request{fields: line("GET", "postern\r\nX-Customer-Id: eve", "/files/a")}, broken, nil},
		{"method in lower case", http2Request{fields: line("get", "postern", "/files/a")}, "400 malformed_request", nil},
		{"CONNECT", http2Request{fields: [][2]string{{":method", "CONNECT"}, {":authority", "admin.example:443"}}}, "400 malformed_request", nil},
		{"extended CONNECT", http2Request{fields: line("CONNECT", "postern", "/files/a", [2]string{":protocol", "websocket"})}, broken, nil},
		{"TRACE", http2Request{fields: line("TRACE", "postern", "/files/a")}, "400 malformed_request", nil},
		{"another scheme", http2Request{fields: [][2]string{{":method", "GET"}, {":scheme", "ftp"}, {":authority", "postern"}, {":path", "/files/a"}}}, broken, nil},

		{"authority of a route", http2Request{fields: line("GET", "ADMIN.example.:443", "/files/a")}, "401 missing_credential", nil},
		{"authority beside another host", http2Request{fields: line("GET", "admin.example", "/files/a", [2]string{"host", "postern"})}, "400 malformed_request", nil},
		{"host beside another authority", http2Request{fields: plain([2]string{"host", "admin.example"})}, "400 malformed_request", nil},
		{"only a host", http2Request{fields: [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/files/a"}, {"host", "admin.example"}}}, "401 missing_credential", nil},
		{"user in the authority", http2Request{fields: line("GET", "postern@admin.example", "/files/a")}, broken, nil},

		{"two paths", http2Request{fields: plain([2]string{":path", "/files/b"})}, broken, nil},
		{"a method with a target behind it", http2Request{fields: line("GET /admin", "postern", "/files/a")}, "400 malformed_request", nil},
		{"two methods", http2Request{fields: plain([2]string{":method", "POST"})}, broken, nil},
		{"no path", http2Request{fields: [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "postern"}}}, broken, nil},
		{"pseudo-header after a field", http2Request{fields: [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "postern"}, {"x-a", "b"}, {":path", "/files/a"}}}, broken, nil},
		{"pseudo-header of its own", http2Request{fields: append([][2]string{{":customer", "eve"}}, plain()...)}, broken, nil},
		{"pseudo-header of an answer", http2Request{fields: append([][2]string{{":status", "200"}}, plain()...)}, broken, nil},

		{"name in upper case", http2Request{fields: plain([2]string{"X-Customer-Id", "eve"})}, broken, nil},
		{"name with a line", http2Request{fields: plain([2]string{"x-a\r\nx-customer-id", "eve"})}, broken, nil},
		{"name with a colon", http2Request{fields: plain([2]string{"x-customer-id:eve", "eve"})}, broken, nil},
		{"value with a line", http2Request{fields: plain([2]string{"x-a", "b\r\nX-Customer-Id: eve"})}, broken, nil},
		{"value with NUL", http2Request{fields: plain([2]string{"x-a", "b\x00"})}, broken, nil},
		{"connection", http2Request{fields: plain([2]string{"connection", "x-customer-id"})}, "400", nil},
		{"transfer coding", http2Request{fields: plain([2]string{"transfer-encoding", "chunked"})}, "400", nil},
		{"upgrade", http2Request{fields: plain([2]string{"upgrade", "websocket"})}, "400", nil},
		{"two lengths", http2Request{fields: plain([2]string{"content-length", "1"}, [2]string{"content-length", "2"}), body: "a"}, "200", []string{"/files/a"}},
		{"a length that is wrong", http2Request{fields: plain([2]string{"content-length", "9"}), body: "a"}, "400 malformed_request", nil},
		{"pseudo-header as a trailer", http2Request{fields: plain(), body: "a", trailers: [][2]string{{":path", "/files/b"}}}, broken, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := sendHTTP2(t, b.address, test.request)
			var reached []string
			for len(data.seen) > 0 {
				if got := data.next(t); !got.broken { // or it knows that there is more to come
					reached = append(reached, got.target)
				}
			}
			if diff := cmp.Diff([]any{test.answer, test.reached}, []any{answer, reached}); diff != "" {
				t.Errorf("answer, and what reached the backend (-want +got):\n%s", diff)
			}
		})
	}
}
