package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
)

func TestRawHTTP2(t *testing.T) {
	const (
		served    = "/public/a postern.test "
		malformed = "400 malformed_request"
		protocol  = "reset PROTOCOL_ERROR"
		held      = ":method: POST\n:path: /held\nauthorization: Token t\ncontent-type: application/json"
		ann       = `{"user":"ann"}`
		holds     = "/held postern.test " + ann
	)
	s := newSecured(t)
	s.start(t, tlsYAML)
	for _, r := range []http2Row{
		{name: "ordinary", want: "200", reach: served},

		// Which host, path and scheme it is for is said once.
		{name: "Host instead of :authority", fields: "-:authority\nhost: postern.test", want: "200", reach: served},
		{name: "Host like :authority", fields: "host: postern.test", want: "200", reach: served},
		{name: "another Host", fields: "host: other.test", want: malformed},
		{name: "two Hosts", fields: "host: postern.test\nhost: other.test", want: malformed},
		{name: "a URL in :path", fields: ":path: https://postern.test/public/a", want: "200", reach: served},
		{name: "a URL of another host in :path", fields: ":path: https://other.test/public/a", want: malformed},
		{name: "no host at all", fields: "-:authority", want: "200", reach: "/public/a " + s.data.Listener.Addr().String() + " "},
		{name: ":authority that is none", fields: ":authority: postern.test/x", want: malformed},
		{name: ":authority with a password", fields: ":authority: user@postern.test", want: protocol},
		{name: "two :paths", fields: ":path: /public/a\n:path: /app/a", want: protocol},
		{name: "two :methods", fields: ":method: GET\n:method: POST", want: protocol},
		{name: "no :path", fields: "-:path", want: protocol},
		{name: "an empty :path", fields: ":path: ", want: protocol},
		{name: "a relative :path", fields: ":path: public/a", want: protocol},
		{name: "* in :path", fields: ":method: OPTIONS\n:path: *", want: malformed},
		{name: "http over TLS", fields: ":scheme: http", want: "200", reach: served}, // and yet https

		{name: "another scheme", fields: ":scheme: ftp", want: protocol},
		{name: "an unknown pseudo-header", fields: ":user: bob", want: protocol},
		{name: ":status in a request", fields: ":status: 200", want: protocol},
		{name: ":protocol", fields: ":protocol: websocket", want: protocol},
		{name: "pseudo-headers last", fields: "x-a: b", order: true, want: protocol},
		{name: "CONNECT", fields: ":method: CONNECT\n-:scheme\n-:path", want: malformed},
		{name: "an extended CONNECT", fields: ":method: CONNECT\n:protocol: websocket", want: protocol},
		{name: "TRACE", fields: ":method: TRACE", want: malformed},
		{name: "a method in lower case", fields: ":method: get", want: malformed},
		{name: "dot segments", fields: ":path: /public/../app/a", want: "400 ambiguous_path"},
		{name: "an encoded slash", fields: ":path: /public%2fa", want: "400 ambiguous_path"},
		{name: "two slashes", fields: ":path: //other.test/public/a", want: "400 ambiguous_path"},
		{name: "a fragment", fields: ":path: /public/a#b", want: "400 ambiguous_path"},
		{name: "a space in :path", fields: ":path: /public/a HTTP/1.1", want: "200", reach: "/public/a%20HTTP/1.1 postern.test "},
		{name: "a line in :path", fields: ":path: /public/a\r\nx-customer-id: bob", want: protocol},

		// Names that are reserved, and fields that belong to a connection.
		{name: "a reserved header", fields: "x-customer-id: bob", want: "200", reach: served},
		{name: "its alias", fields: "x_customer_id: bob", want: "200", reach: served},
		{name: "a header in upper case", fields: "X-Customer-Id: bob", want: protocol},
		{name: "a name that is none", fields: "x customer: bob", want: protocol},
		{name: "a line in a value", fields: "x-a: b\r\nx-customer-id: bob", want: protocol},
		{name: "Connection", fields: "connection: x-customer-id", want: "400"},
		{name: "Keep-Alive", fields: "keep-alive: 1", want: "400"},
		{name: "Transfer-Encoding", fields: "transfer-encoding: chunked", want: "400"},
		{name: "Upgrade", fields: "upgrade: websocket", want: "400"},
		{name: "TE", fields: "te: gzip", want: "400"},
		{name: "Expect", fields: "expect: 100-continued", want: "200", reach: served},
		{name: "two Authorizations", fields: ":path: /app/a\nauthorization: Token t\nauthorization: Token u", want: malformed},
		{name: "a crumbled cookie", fields: "cookie: a=b\ncookie: c=d", want: "200", reach: served},

		// A rule reads the body that the backend gets.
		{name: "a body", fields: held, data: ann, want: "200", reach: holds},
		{name: "another's body", fields: held, data: `{"user":"bob"}`, want: "403 identity_mismatch"},
		{name: "no body", fields: held, want: "403 identity_missing"},
		{name: "a length that fits", fields: held + "\ncontent-length: 14", data: ann, want: "200", reach: holds},
		{name: "a longer one", fields: held + "\ncontent-length: 15", data: ann, want: malformed},
		{name: "a shorter one", fields: held + "\ncontent-length: 13", data: ann, want: protocol},
		{name: "a length and no body", fields: held + "\ncontent-length: 14", want: "403 identity_missing"},
		{name: "two lengths", fields: held + "\ncontent-length: 14\ncontent-length: 2", data: ann, want: "200", reach: holds},
		{name: "a trailer", fields: held + "\ntrailer: x-customer-id", data: ann, tail: "x-customer-id: bob", want: "200", reach: holds},
		{name: "one unannounced", fields: held, data: ann, tail: "x-customer-id: bob\nx_customer_id: bob", want: "200", reach: holds},
		{name: "a trailer that no rule sees", fields: ":method: POST\ntrailer: x-customer-id", data: "a body", tail: "x-customer-id: bob", want: "200", reach: served + "a body"},
		{name: "a pseudo-header in the trailer", fields: held, data: ann, tail: ":path: /app/a", want: protocol},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := s.dialHTTP2(t)
			c.send(1, &r)
			got, reached := c.outcome(1), ""
			for len(s.data.seen) > 0 {
				d := s.data.next(t)
				if proto := d.header.Get("X-Forwarded-Proto"); proto != "https" {
					t.Errorf("the backend is told of %s", proto)
				}
				if d.header["Connection"] != nil {
					t.Error("the connection to the backend is given up")
				}
				reached += strings.Join([]string{d.target, d.host, d.body}, " ")
				for name, values := range d.header {
					if strings.Contains(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "customer") && !cmp.Equal(values, []string{"ann"}) {
						t.Errorf("%s: %q reached the backend", name, values)
					}
				}
				if len(d.trailer) > 0 {
					t.Errorf("the trailer %v reached the backend", d.trailer)
				}
			}
			if diff := cmp.Diff([]string{r.want, r.reach}, []string{got, reached}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Streams of one connection are requests of their own: what one is allowed says
// nothing of another, and neither does its end.
func TestStreamsOfAConnection(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	c := s.dialHTTP2(t)
	for i, r := range []http2Row{
		{fields: ":path: /app/a\nauthorization: Token t", want: "200"},
		{fields: ":path: /app/a", want: "401 missing_credential"},
		{fields: ":path: /app/a\nauthorization: Token u", want: "401 unknown_token"},
		{fields: ":path: relative", want: "reset PROTOCOL_ERROR"},
		{fields: ":path: /app/a\nauthorization: Token t", want: "200"},
	} {
		stream := uint32(2*i + 1)
		c.send(stream, &r)
		if got := c.outcome(stream); got != r.want {
			t.Errorf("stream %d: %s, want %s", stream, got, r.want)
		}
	}
	for range 2 {
		if got := s.data.next(t).header.Get("X-Customer-Id"); got != "ann" {
			t.Errorf("customer %q", got)
		}
	}
	s.data.expectNone(t)
}

// However many requests a connection carries, all of them are as many as there may be
// connections.
func TestStreamsAreBounded(t *testing.T) {
	s := newSecured(t)
	release := make(chan struct{})
	arrived := make(chan struct{}, 100)
	slow := newSpy(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	s.values["DATA"] = slow.URL
	s.start(t, tlsYAML+"limits: { connections: 2 }\n")
	c := s.dialHTTP2(t)
	for _, stream := range []uint32{1, 3} {
		c.send(stream, &http2Row{})
		await(t, "a request", arrived)
	}
	c.send(5, &http2Row{})
	if got := c.outcome(5); got != "503 overloaded" {
		t.Errorf("a third request: %s", got)
	}
	close(release)
	stream := uint32(5)
	eventually(t, "room for another", func() bool {
		stream += 2
		c.send(stream, &http2Row{})
		return c.outcome(stream) == "200"
	})
}

// A client that takes back a request in the middle of its body is one that went away,
// and its connection serves the next request.
func TestStreamIsTakenBack(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	for target, path := range map[string]string{"/held": "/held", "/app/a": "/app/"} {
		c := s.dialHTTP2(t)
		r := http2Row{fields: ":method: POST\n:path: " + target + "\nauthorization: Token t\ncontent-type: application/json"}
		c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(), EndHeaders: true}))
		c.must(c.WriteData(1, false, []byte(`{"user":`)))
		c.must(c.WriteRSTStream(1, http2.ErrCodeCancel))
		logged := s.log.next(t, "request")
		if got := fmt.Sprint(logged["path"], " ", logged["reason"], " ", logged["status"]); got != path+" client_closed 499" {
			t.Errorf("logged %s", got)
		}
		c.send(3, &http2Row{})
		if got := c.outcome(3); got != "200" {
			t.Errorf("then answered %s", got)
		}
		s.log.next(t, "request")
	}
}

// A body of HTTP/2 has as long to arrive as one of HTTP/1.1, and only its stream ends.
func TestSlowBodyOfAStream(t *testing.T) {
	s := newSecured(t)
	s.start(t, strings.Replace(tlsYAML, "shutdown_delay: 0s", "shutdown_delay: 0s, body_timeout: 50ms", 1))
	for _, target := range []string{"/held", "/app/a"} {
		c := s.dialHTTP2(t)
		r := http2Row{fields: ":method: POST\n:path: " + target + "\nauthorization: Token t\ncontent-type: application/json"}
		c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(), EndHeaders: true}))
		if got := c.outcome(1); got != "400 malformed_request" {
			t.Errorf("%s: %s", target, got)
		}
		c.send(3, &http2Row{})
		if got := c.outcome(3); got != "200" {
			t.Errorf("%s, and then: %s", target, got)
		}
	}
}
