package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const upstreamTLSYAML = anyPort + `
upstreams: { data: { url: "${DATA}", tls: { ca_file: ca.crt, ${MORE} } } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`

// newSecureSpy starts a backend that speaks TLS, with HTTP/2 or not, and wants a
// client certificate of an authority, unless that is nil.
func newSecureSpy(t *testing.T, own issued, clients *authority, http2 bool) *spy {
	s := &spy{seen: make(chan received, 1000)}
	s.Server = httptest.NewUnstartedServer(s)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{own.Certificate}}
	if clients != nil {
		s.TLS.ClientCAs, s.TLS.ClientAuth = clients.pool(), tls.RequireAndVerifyClientCert
	}
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// An upstream is who an authority of ours says that it is; it learns in turn who
// Postern is, and is spoken to in HTTP/2 where it can.
func TestUpstreamTLS(t *testing.T) {
	servers, clients, others := newAuthority(t, "servers"), newAuthority(t, "clients"), newAuthority(t, "others")
	host := servers.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"data.internal"} })
	own := clients.forHost(t, "postern.internal")
	const (
		named  = "server_name: data.internal"
		mutual = ", cert_file: client.crt, key_file: client.key"
	)
	for name, test := range map[string]struct {
		ca      *authority
		more    string
		wants   *authority
		http2   bool
		reached string // the protocol; "" where it is not
	}{
		"HTTP/1.1":                        {servers, named, nil, false, "HTTP/1.1"},
		"HTTP/2":                          {servers, named, nil, true, "HTTP/2.0"},
		"the host of the URL":             {servers, "", nil, true, ""},
		"another name":                    {servers, "server_name: other.internal", nil, true, ""},
		"another authority":               {others, named, nil, true, ""},
		"a client certificate":            {servers, named + mutual, clients, true, "HTTP/2.0"},
		"one that is not asked for":       {servers, named + mutual, nil, true, "HTTP/2.0"},
		"one of another authority":        {servers, named + mutual, others, true, ""},
		"none where one is asked for":     {servers, named, clients, true, ""},
		"none, and HTTP/1.1 is all it is": {servers, named, clients, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			data := newSecureSpy(t, host, test.wants, test.http2)
			f := &folder{dir: t.TempDir(), values: map[string]string{"DATA": data.URL, "MORE": test.more}}
			f.write(t, "ca.crt", test.ca.pem())
			f.write(t, "client.crt", own.certificate)
			f.write(t, "client.key", own.key)
			file := filepath.Join(f.dir, "postern.yaml")
			writeConfig(t, file, upstreamTLSYAML, f.values)
			f.testbed = startFile(t, file)
			got := f.exchange(f.request(http.MethodPost, "/x", strings.NewReader("a body")))
			if test.reached == "" {
				// In TLS 1.3 an upstream refuses a client after the handshake, and net/http
				// has no error to tell that by where HTTP/2 begins meanwhile.
				reason := got.header.Get("Postern-Reason")
				if got.status != http.StatusBadGateway || reason != "upstream_unreachable" && (reason != "upstream_invalid" || test.wants == nil) {
					t.Errorf("answered %+v", got)
				}
				data.expectNone(t)
				return
			}
			if got.status != http.StatusOK {
				t.Fatalf("answered %+v", got)
			}
			reached := data.next(t)
			if diff := cmp.Diff([]string{test.reached, "a body", f.address}, []string{reached.proto, reached.body, reached.host}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The files are read again when they change: a certificate of ours that is
// exchanged is shown from then on.
func TestUpstreamCertificateIsExchanged(t *testing.T) {
	servers, before, after := newAuthority(t, "servers"), newAuthority(t, "before"), newAuthority(t, "after")
	host := servers.forHost(t, "data.internal")
	data := newSecureSpy(t, host, after, true)
	f := &folder{dir: t.TempDir(), values: map[string]string{"DATA": data.URL, "MORE": "server_name: data.internal, cert_file: client.crt, key_file: client.key"}}
	own := before.forHost(t, "postern.internal")
	f.write(t, "ca.crt", servers.pem())
	f.write(t, "client.crt", own.certificate)
	f.write(t, "client.key", own.key)
	file := filepath.Join(f.dir, "postern.yaml")
	writeConfig(t, file, upstreamTLSYAML, f.values)
	f.testbed = startFile(t, file)
	if got := f.send(http.MethodGet, "/"); got.status != http.StatusBadGateway {
		t.Fatalf("answered %+v", got)
	}
	kept := f.app.current.upstreams["data"]
	if err := f.app.reload(); err != nil || f.app.current.upstreams["data"] != kept {
		t.Fatalf("an upstream whose files have not changed is replaced: %v", err)
	}
	f.log.next(t, "configuration reloaded")
	own = after.forHost(t, "postern.internal")
	f.write(t, "client.crt", own.certificate)
	f.write(t, "client.key", own.key)
	f.log.next(t, "configuration reloaded")
	if got := f.send(http.MethodGet, "/"); got.status != http.StatusOK {
		t.Errorf("answered %+v", got)
	}
}
