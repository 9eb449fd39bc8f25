package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const tlsYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, tls: { cert_file: server.crt, key_file: server.key ${CLIENTS} } }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  app: { type: token, scheme: Token, tokens: [{ id: a, value: t, attributes: { user: ann } }], customer_id: attributes.user }
identity_headers: { X-Customer-Id: "{customer_id}" }
routes:
  - { name: app, match: /app/, upstream: data, authenticate: [app] }
  - { name: held, match: /held, upstream: data, authenticate: [app], consistency: [{ request: body.user }] }
  - { name: public, match: /public/, upstream: data, authenticate: [anonymous] }
`

// secured is a Postern with TLS, and the folder of its files.
type secured struct {
	*folder
	ca   *authority
	data *spy
}

func newSecured(t *testing.T) *secured {
	data := newSpy(t, nil)
	f := &folder{dir: t.TempDir(), values: map[string]string{"DATA": data.URL, "CLIENTS": ""}}
	s := &secured{f, newAuthority(t, "servers"), data}
	s.install(t, s.ca.forHost(t, tlsHost))
	return s
}

// install writes the listener's certificate.
func (s *secured) install(t *testing.T, i issued) {
	t.Helper()
	s.write(t, "server.crt", i.certificate)
	s.write(t, "server.key", i.key)
}

func (s *secured) start(t *testing.T, yaml string) {
	t.Helper()
	file := filepath.Join(s.dir, "postern.yaml")
	writeConfig(t, file, yaml, s.values)
	s.testbed = startFile(t, file)
}

// newRequest makes a request to the TLS listener.
func (s *secured) newRequest(t *testing.T, method, target, body string, fields ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "https://"+s.address+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	setFields(t, r, fields)
	return r
}

const tlsToken = "Authorization: Token t"

// HTTP/2 where the client can, and in either case what was decided reaches the
// backend, which is told of https.
func TestTLSListener(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		response, err := newTLSClient(t, s.ca, http2, tls.Certificate{}).Do(s.newRequest(t, http.MethodGet, "/app/x", "", tlsToken, "X-Customer-Id: bob"))
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, response)
		reached := s.data.next(t)
		want := []string{proto, "ok", "https", "ann"}
		if diff := cmp.Diff(want, []string{response.Proto, got.body, reached.header.Get("X-Forwarded-Proto"), reached.header.Get("X-Customer-Id")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", proto, diff)
		}
		if version := response.TLS.Version; version != tls.VersionTLS13 {
			t.Errorf("%s", tls.VersionName(version))
		}
	}
	// What is too old, or no TLS at all, is no request.
	old := newTLSClient(t, s.ca, false, tls.Certificate{})
	old.Transport.(*http.Transport).TLSClientConfig.MinVersion, old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := old.Do(s.newRequest(t, http.MethodGet, "/public/", "")); err == nil {
		t.Error("TLS 1.1 is served")
	}
	if got := s.send(http.MethodGet, "/public/"); got.status != http.StatusBadRequest {
		t.Errorf("plain text: %+v", got)
	}
	s.data.expectNone(t)
}

// The certificate is the one for every name: which one a client asked for, and
// whether it did, chooses nothing.
func TestServerNameChoosesNothing(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	for _, name := range []string{tlsHost, "other.test", ""} {
		connection, err := tls.Dial("tcp", s.address, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(name, err)
		}
		if names := connection.ConnectionState().PeerCertificates[0].DNSNames; !cmp.Equal(names, []string{tlsHost}) {
			t.Errorf("%q: %v", name, names)
		}
		connection.Close()
	}
}

// A certificate that is exchanged serves new connections, while the old ones go on;
// one that does not fit its key changes nothing, and the log says so.
func TestCertificateIsExchanged(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	client := newTLSClient(t, s.ca, true, tls.Certificate{})
	serial := func(client *http.Client) string {
		response, err := client.Do(s.newRequest(t, http.MethodGet, "/public/", ""))
		if err != nil {
			t.Fatal(err)
		}
		read(t, response)
		return response.TLS.PeerCertificates[0].SerialNumber.String()
	}
	// A request that is under way meanwhile is not disturbed.
	began, end := make(chan struct{}), make(chan struct{})
	s.data.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/public/slow" {
			close(began)
			<-end
		}
	}
	slow := make(chan error, 1)
	go func() {
		response, err := client.Do(s.newRequest(t, http.MethodGet, "/public/slow", ""))
		if err == nil {
			err = response.Body.Close()
		}
		slow <- err
	}()
	await(t, "the slow request", began)
	first := serial(client)
	end1 := s.metrics("tls_not_after_timestamp_seconds")["tls_not_after_timestamp_seconds"]

	next := s.ca.issue(t, func(c *x509.Certificate) {
		c.DNSNames, c.NotAfter = []string{tlsHost}, time.Now().Add(48*time.Hour).Truncate(time.Second)
	})
	s.write(t, "server.crt", next.certificate)
	refused := s.log.next(t, "reload refused, the running configuration stays")
	if reason, _ := refused["error"].(string); refused["level"] != "ERROR" || !strings.Contains(reason, "is no certificate of key_file") {
		t.Errorf("logged %v", refused)
	}
	if got := serial(newTLSClient(t, s.ca, true, tls.Certificate{})); got != first {
		t.Error("a pair that does not fit is taken")
	}
	s.write(t, "server.key", next.key)
	s.log.next(t, "configuration reloaded")
	second := next.Leaf.SerialNumber.String()
	if got := serial(newTLSClient(t, s.ca, true, tls.Certificate{})); got != second || got == first {
		t.Errorf("certificate %s, want %s", got, second)
	}
	if got := serial(client); got != first {
		t.Error("the old connection has ended")
	}
	close(end)
	if err := await(t, "the slow answer", slow); err != nil {
		t.Error(err)
	}
	if got := s.metrics("tls_not_after_timestamp_seconds")["tls_not_after_timestamp_seconds"]; got != float64(next.Leaf.NotAfter.Unix()) || got == end1 {
		t.Errorf("the metric says %f, before %f", got, end1)
	}
}

// HTTP/2 in plain text is for those who know beforehand, and only where it is told.
func TestH2C(t *testing.T) {
	for _, on := range []bool{false, true} {
		data := newSpy(t, nil)
		text := strings.Replace(anyPort, "shutdown_delay", map[bool]string{true: "h2c: true, shutdown_delay", false: "shutdown_delay"}[on], 1)
		b := start(t, text+"upstreams: { data: { url: \"${DATA}\" } }\nroutes: [{ match: /, upstream: data, authenticate: [anonymous] }]\n", map[string]string{"DATA": data.URL})
		client := newClient(t)
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		client.Transport.(*http.Transport).Protocols = protocols
		response, err := client.Do(b.request(http.MethodGet, "/", nil))
		if err == nil {
			read(t, response)
		}
		if (err == nil) != on {
			t.Errorf("h2c: %t: %v", on, err)
		}
		// Who asks for it goes on in HTTP/1.1 (RFC 9113, section 3.1).
		got := b.send(http.MethodGet, "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
		if got.status != http.StatusOK || got.body != "ok" {
			t.Errorf("upgrade: %+v", got)
		}
		client.CloseIdleConnections()
		b.stop()
	}
}
