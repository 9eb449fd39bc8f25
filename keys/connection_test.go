package keys_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/keys"
	"postern/policy"
)

// loadRemote returns what settings of a configuration stand for.
func loadRemote(t *testing.T, change func(*keys.Settings)) keys.RemoteSettings {
	t.Helper()
	settings := defaults(change)
	settings.Timeout = policy.Duration(time.Minute) // whatever the machine is busy with
	var problems policy.Problems
	settings.Check(nil, &problems)
	remote := settings.LoadRemote(nil, keys.Loader{Dir: t.TempDir()}, "", &problems)
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	return remote
}

func writeFile(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file.pem")
	check(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwkSet(ecJWK("a"))) }))
	clientKey := p256()
	clientCert := certify(clientKey, validFrom, time.Now().Add(time.Hour), x509.KeyUsageDigitalSignature)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(clientCert))
	server.TLS = &tls.Config{ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	mutual := httptest.NewUnstartedServer(server.Config.Handler)
	mutual.TLS = &tls.Config{ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
	mutual.Config.ErrorLog = server.Config.ErrorLog
	mutual.StartTLS()
	defer mutual.Close()

	ca := writeFile(t, pemBlock("CERTIFICATE", server.Certificate().Raw))
	otherCA := writeFile(t, certify(newEC(p256().Curve), validFrom, validUntil, 0))
	cert, key := writeFile(t, clientCert), writeFile(t, pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(clientKey))))
	for name, test := range map[string]struct {
		url   string
		tls   *keys.TLSSettings
		cause string
	}{
		"system's authorities":      {server.URL, nil, "certificate signed by unknown authority"},
		"own authority":             {server.URL, &keys.TLSSettings{CAFile: ca}, ""},
		"another authority":         {server.URL, &keys.TLSSettings{CAFile: otherCA}, "certificate signed by unknown authority"},
		"another name that it has":  {server.URL, &keys.TLSSettings{CAFile: ca, ServerName: "example.com"}, ""},
		"another name":              {server.URL, &keys.TLSSettings{CAFile: ca, ServerName: "idp.internal"}, "not idp.internal"},
		"client certificate":        {mutual.URL, &keys.TLSSettings{CAFile: ca, CertFile: cert, KeyFile: key}, ""},
		"client certificate needed": {mutual.URL, &keys.TLSSettings{CAFile: ca}, "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			remote := loadRemote(t, func(s *keys.Settings) { s.JWKSURL, s.TLS = test.url, test.tls })
			ready, log := fetchOnce(t, test.url, func(s *keys.RemoteSettings) { *s = remote })
			if ready != (test.cause == "") || !strings.Contains(log, test.cause) {
				t.Errorf("ready %v, want the cause %q in the log:\n%s", ready, test.cause, log)
			}
		})
	}
	// Files that are exchanged make other settings, and with them another source.
	settings := func() keys.RemoteSettings {
		return loadRemote(t, func(s *keys.Settings) { s.JWKSURL, s.TLS = server.URL, &keys.TLSSettings{CAFile: ca} })
	}
	before := settings()
	if before != settings() {
		t.Error("equal files make other settings")
	}
	check(t, os.WriteFile(ca, must(os.ReadFile(otherCA)), 0o600))
	if before == settings() {
		t.Error("an exchanged file is not seen")
	}
	if text := fmt.Sprintf("%v %+v %#v", before, before, before); strings.Contains(text, "PRIVATE") {
		t.Errorf("the key is shown: %s", text)
	}
}

// newProxy starts an HTTP proxy on loopback that asks for a password, and counts
// what goes through it.
func newProxy(t *testing.T) (server *httptest.Server, targets chan string) {
	targets = make(chan string, 10)
	password := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:hunter2"))
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != password {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if targets <- r.Method + " " + r.RequestURI; r.Method != http.MethodConnect {
			fmt.Fprint(w, jwkSet(ecJWK("a")))
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close()
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		fmt.Fprint(down, "HTTP/1.1 200 OK\r\n\r\n")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(up, down)
			_ = up.Close()
		}()
		_, _ = io.Copy(down, up)
		_ = down.Close()
		<-ended
	}))
	t.Cleanup(server.Close)
	return server, targets
}

func TestProxy(t *testing.T) {
	idp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwkSet(ecJWK("a"))) }))
	defer idp.Close()
	ca := writeFile(t, pemBlock("CERTIFICATE", idp.Certificate().Raw))
	proxy, targets := newProxy(t)
	withPassword := func(password string) policy.Secret {
		return policy.Secret(strings.Replace(proxy.URL, "http://", "http://user:"+password+"@", 1))
	}
	for name, test := range map[string]struct {
		url          string
		proxy        policy.Secret
		target, want string
	}{
		"https":          {idp.URL, withPassword("hunter2"), "CONNECT " + strings.TrimPrefix(idp.URL, "https://"), ""},
		"plain":          {"http://idp.example.com/keys", withPassword("hunter2"), "GET http://idp.example.com/keys", ""},
		"wrong password": {"https://idp.example.com/keys", withPassword("hunter3"), "", "Proxy Authentication Required"},
		"no proxy there": {"https://idp.example.com/keys", "http://user:hunter2@127.0.0.1:1", "", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			remote := loadRemote(t, func(s *keys.Settings) {
				s.JWKSURL, s.Proxy, s.AllowInsecureHTTP = test.url, test.proxy, true
				if test.url == idp.URL {
					s.TLS = &keys.TLSSettings{CAFile: ca}
				}
			})
			ready, log := fetchOnce(t, test.url, func(s *keys.RemoteSettings) { *s = remote })
			if ready != (test.want == "") || !strings.Contains(log, test.want) {
				t.Errorf("ready %v, want %q in the log:\n%s", ready, test.want, log)
			}
			if strings.Contains(log, "hunter") || strings.Contains(fmt.Sprintf("%+v", remote), "hunter") {
				t.Errorf("the password is shown:\n%s", log)
			}
			select {
			case target := <-targets:
				if target != test.target {
					t.Errorf("the proxy was asked for %s, want %s", target, test.target)
				}
			default:
				if test.target != "" {
					t.Error("the proxy was not asked")
				}
			}
		})
	}
}

// What localhost is resolved to by a name server of an attacker: the settings were
// checked with the name, and the address is refused before the connection.
func TestPlainKeysStayHere(t *testing.T) {
	const elsewhere = "http://192.0.2.1/jwks"
	ready, log := fetchOnce(t, elsewhere, func(s *keys.RemoteSettings) { s.Timeout = time.Minute })
	if ready || !strings.Contains(log, "does not lead to this machine") {
		t.Errorf("ready %v:\n%s", ready, log)
	}
}
