package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// expectRefusal fails the test where the answer or its log record is another.
func expectRefusal(t *testing.T, b *testbed, got answer, status int, reason string) {
	t.Helper()
	if got.status != status || got.header.Get("Postern-Reason") != reason {
		t.Errorf("answered %d %q, want %d %s: %s", got.status, got.header.Get("Postern-Reason"), status, reason, got.body)
	}
	if logged := b.log.next(t, "request"); logged["status"] != float64(status) || logged["reason"] != reason {
		t.Errorf("logged %v", logged)
	}
}

func TestUpstreamFailures(t *testing.T) {
	reset := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	for _, test := range []struct {
		name   string
		handle func(net.Conn)
		status int
		reason string
	}{
		{"closes without an answer", func(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }, 502, "upstream_unreachable"},
		{"resets the connection", reset, 502, "upstream_unreachable"},
		{"speaks no HTTP", replying("SSH-2.0-OpenSSH_9.9\r\n"), 502, "upstream_invalid"},
		{"breaks off in the header", replying("HTTP/1.1 200 OK\r\nX-A: b\r\n"), 502, "upstream_invalid"},
		{"sends a broken header", replying("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), 502, "upstream_invalid"},
		{"sends a header without end", replying("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 11<<20) + "\r\n\r\n"), 502, "upstream_invalid"},
		{"sends two lengths", replying("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "upstream_invalid"},
		{"sends a status that is none", replying("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"), 502, "upstream_invalid"},
		{"sends a status of four digits", replying("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"), 502, "upstream_invalid"},
		{"switches protocols unasked", replying("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), 502, "upstream_invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := newRogue(t, test.handle)
			b := inFrontOf(t, "http://"+address)
			// POST is not tried again, so that each failure is seen as it is.
			got := b.exchange(b.request(http.MethodPost, "/", strings.NewReader("body"), "Connection: Upgrade", "Upgrade: websocket"))
			expectRefusal(t, b, got, test.status, test.reason)
		})
	}
}

func TestUpstreamTimeouts(t *testing.T) {
	data := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	t.Run("of the upstream", func(t *testing.T) {
		b := start(t, backendsYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s", "HEADER_TIMEOUT": "50ms"})
		expectRefusal(t, b, b.send(http.MethodGet, "/"), 504, "upstream_timeout")
	})
	t.Run("of the route", func(t *testing.T) {
		b := inFrontOf(t, data.URL)
		expectRefusal(t, b, b.send(http.MethodGet, "/hasty"), 504, "upstream_timeout")
	})
}

// What breaks off once the header has been sent must not look whole, and the
// log says why it broke off.
func TestBrokenAnswers(t *testing.T) {
	for _, test := range []struct{ name, target, bytes, reason string }{
		{"cut", "/", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "upstream_invalid"},
		{"cut between chunks", "/", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "upstream_invalid"},
		{"broken chunk", "/", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "upstream_invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := inFrontOf(t, "http://"+newRogue(t, replying(test.bytes)))
			response, err := b.client.Do(b.request(http.MethodGet, test.target, nil))
			if err == nil {
				defer response.Body.Close()
				_, err = io.ReadAll(response.Body)
			}
			if err == nil {
				t.Error("the client took the answer for whole")
			}
			if logged := b.log.next(t, "request"); logged["reason"] != test.reason || logged["decision"] != "allow" {
				t.Errorf("logged %v", logged)
			}
		})
	}
}

func TestRouteTimeoutInTheAnswer(t *testing.T) {
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	b := inFrontOf(t, data.URL)
	response, err := b.client.Do(b.request(http.MethodGet, "/hasty", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || string(body) != "half" {
		t.Errorf("%q, %v", body, err)
	}
	if logged := b.log.next(t, "request"); logged["reason"] != "upstream_timeout" {
		t.Errorf("logged %v", logged)
	}
}

func TestClientLeavesTheAnswer(t *testing.T) {
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(noise(1 << 10))
			w.(http.Flusher).Flush()
		}
	})
	b := inFrontOf(t, data.URL)
	ctx, leave := context.WithCancel(t.Context())
	response, err := b.client.Do(b.request(http.MethodGet, "/", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	leave()
	_ = response.Body.Close()
	if logged := b.log.next(t, "request"); logged["reason"] != "client_closed" || logged["level"] != "INFO" {
		t.Errorf("logged %v", logged)
	}
}

func TestKeyOutage(t *testing.T) {
	const yaml = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  customer-token: { type: jwt, keys: { jwks_url: "${IDP}" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
routes:
  - { name: customer, match: /customer, upstream: data, authenticate: [customer-token] }
  - { name: public, match: /public, upstream: data, authenticate: [anonymous] }
`
	for name, fault := range map[string]http.HandlerFunc{
		"down":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"slow":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>maintenance</html>") },
		"empty":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			data, idp := newSpy(t, nil), newIssuer(t, "k1")
			idp.fail(fault)
			b := start(t, strings.Replace(yaml, "jwks_url:", "timeout: 300ms, jwks_url:", 1), map[string]string{"DATA": data.URL, "IDP": idp.URL})
			claims := map[string]any{"iss": "idp", "aud": "chat", "sub": "ada", "exp": fromNow(time.Hour)}
			bearer := func(kid string) string { return "Authorization: Bearer " + idp.sign(t, kid, claims) }

			expectRefusal(t, b, b.send(http.MethodGet, "/customer", bearer("k1")), 503, "keys_unavailable")
			if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusServiceUnavailable {
				t.Errorf("readyz without keys: %+v", got)
			}
			if got := b.send(http.MethodGet, "/public"); got.status != http.StatusOK {
				t.Errorf("another route: %+v", got)
			}

			idp.fail(nil)
			b.log.next(t, "keys loaded")
			if got := b.send(http.MethodGet, "/customer", bearer("k1")); got.status != http.StatusOK {
				t.Errorf("with keys again: %+v", got)
			}
			if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
				t.Errorf("readyz with keys: %+v", got)
			}

			// A key that came after the fetch is looked for by its first token.
			idp.publish(t, "k2")
			if got := b.send(http.MethodGet, "/customer", bearer("k2")); got.status != http.StatusOK {
				t.Errorf("with a new key: %+v", got)
			}
			// An outage later on takes nothing away.
			idp.fail(fault)
			if got := b.send(http.MethodGet, "/customer", bearer("k1")); got.status != http.StatusOK {
				t.Errorf("in an outage: %+v", got)
			}
			if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
				t.Errorf("readyz in an outage: %+v", got)
			}
		})
	}
}
