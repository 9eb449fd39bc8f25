package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/config"
)

func TestAdminListener(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0", token: admin-secret }
health: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`, map[string]string{"DATA": data.URL})
	const token = "Authorization: Bearer admin-secret"
	for _, test := range []struct {
		name, address, method, target string
		fields                        []string
		status                        int
	}{
		{"no token", b.admin, "GET", "/metrics", nil, 401},
		{"no token to reload", b.admin, "POST", "/-/reload", nil, 401},
		{"no token, not even for probes", b.admin, "GET", "/healthz", nil, 401},
		{"another token", b.admin, "GET", "/metrics", []string{"Authorization: Bearer admin-secreT"}, 401},
		{"another scheme", b.admin, "GET", "/metrics", []string{"Authorization: Basic admin-secret"}, 401},
		{"empty token", b.admin, "GET", "/metrics", []string{"Authorization: Bearer "}, 401},
		{"token", b.admin, "GET", "/metrics", []string{token}, 200},
		{"readiness", b.admin, "GET", "/readyz", []string{token}, 200},
		{"health", b.admin, "GET", "/healthz", []string{token}, 200},
		{"reload", b.admin, "POST", "/-/reload", []string{token}, 200},
		{"reload by GET", b.admin, "GET", "/-/reload", []string{token}, 405},
		{"reload from another page", b.admin, "POST", "/-/reload", []string{token, "Sec-Fetch-Site: cross-site"}, 403},
		{"reload from another origin", b.admin, "POST", "/-/reload", []string{token, "Origin: https://evil.example"}, 403},
		{"something else", b.admin, "GET", "/", []string{token}, 404},
		{"probe", b.health, "GET", "/healthz", nil, 200},
		{"probe of readiness", b.health, "GET", "/readyz", nil, 200},
		{"scrape", b.health, "GET", "/metrics", nil, 200},
		{"no reload by probes", b.health, "POST", "/-/reload", []string{token}, 404},
		{"not among the clients", b.address, "GET", "/metrics", nil, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := b.operate(test.address, test.method, test.target, test.fields...)
			if got.status != test.status {
				t.Errorf("%+v, want %d", got, test.status)
			}
			if challenge := got.header.Get("Www-Authenticate"); (challenge != "") != (test.status == 401) {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	if got := data.next(t); got.target != "/metrics" {
		t.Errorf("the client listener answered itself: %+v", got)
	}
	data.expectNone(t)
}

func TestAdminTokenIsNeededOffLoopback(t *testing.T) {
	for listen, allowed := range map[string]bool{
		"127.0.0.1:9180": true, "localhost:9180": true, "[::1]:9180": true, "unix:///tmp/admin.sock": true,
		":9180": false, "0.0.0.0:9180": false, "[::]:9180": false, "192.0.2.1:9180": false, "admin.example:9180": false,
	} {
		file := filepath.Join(t.TempDir(), "postern.yaml")
		text := "admin: { listen: \"" + listen + "\" }\nupstreams: { data: { url: \"http://127.0.0.1:1\" } }\nroutes: [{ match: /, upstream: data, authenticate: [anonymous] }]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(file, os.LookupEnv); (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), "token is missing") {
			t.Errorf("%s: %v, want allowed %t", listen, err, allowed)
		}
	}
}

func TestUnixListeners(t *testing.T) {
	data := newSpy(t, nil)
	folder := t.TempDir()
	b := start(t, `
server: { listen: "unix://${FOLDER}/clients.sock", shutdown_delay: 0s }
admin: { listen: "unix://${FOLDER}/admin.sock" }
upstreams: { data: { url: "${DATA}" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`, map[string]string{"DATA": data.URL, "FOLDER": folder})
	get := func(socket, target string) answer {
		connection, err := net.Dial("unix", filepath.Join(folder, socket))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, "GET "+target+" HTTP/1.1\r\nHost: postern\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
		return readAnswer(t, bufio.NewReader(connection))
	}
	if got := get("clients.sock", "/a"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if got := data.next(t); len(got.header["X-Forwarded-For"]) > 0 {
		t.Errorf("the backend received %+v", got)
	}
	if logged := b.log.next(t, "request"); logged["client"] != "" {
		t.Errorf("logged %v", logged)
	}
	if got := get("admin.sock", "/readyz"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	b.stop()
	for _, socket := range []string{"clients.sock", "admin.sock"} {
		if _, err := os.Lstat(filepath.Join(folder, socket)); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", socket, err)
		}
	}
}

func TestPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := &config.Config{}
	c.Server.Listen, c.Admin.Listen = "127.0.0.1:0", taken.Addr().String()
	if _, err := listenAll(c); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("listenAll: %v", err)
	}
}

func TestReadiness(t *testing.T) {
	for _, test := range []struct {
		name, timeout, required string
		status                  int
	}{
		{"waits for keys", "1h", "false", 503},
		{"does not wait for ever", "0s", "false", 200},
		{"waits for required keys without a limit", "0s", "true", 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			idp := newIssuer(t, "k1")
			idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
			b := start(t, `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, ready_timeout: ${TIMEOUT} }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators:
  customer-token: { type: jwt, keys: { jwks_url: "${IDP}", required: ${REQUIRED} }, algorithms: [ES256], issuer: idp, audience: chat }
routes: [{ match: /, upstream: data, authenticate: [customer-token] }]
`, map[string]string{"IDP": idp.URL, "TIMEOUT": test.timeout, "REQUIRED": test.required})
			b.log.next(t, "refreshing keys failed")
			if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != test.status {
				t.Errorf("readyz %+v, want %d", got, test.status)
			}
			if got := b.operate(b.admin, http.MethodGet, "/healthz"); got.status != http.StatusOK {
				t.Errorf("healthz depends on what is outside: %+v", got)
			}
			idp.fail(nil)
			b.log.next(t, "keys loaded")
			if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
				t.Errorf("readyz with keys: %+v", got)
			}
		})
	}
}

// A source that a reload has dropped is waited for no more.
func TestReadinessAfterAReload(t *testing.T) {
	const public = anyPort + `
upstreams: { data: { url: "http://127.0.0.1:1" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`
	b := start(t, public+`
authenticators:
  customer-token: { type: jwt, keys: { jwks_url: "http://${DEAD}", required: true }, algorithms: [ES256], issuer: idp, audience: chat }
`, map[string]string{"DEAD": deadAddress(t)})
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("readyz before: %+v", got)
	}
	b.configure(public, nil)
	if err := b.app.reload(); err != nil {
		t.Fatal(err)
	}
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
		t.Errorf("readyz after: %+v", got)
	}
}

// The order of the end: not ready but serving, then refusing while what has
// begun goes on, then gone.
func TestShutdown(t *testing.T) {
	release := make(chan struct{})
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
		_, _ = io.WriteString(w, "served")
	})
	b := start(t, `
server: { listen: "127.0.0.1:0", shutdown_delay: 2s, shutdown_grace: 20s }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`, map[string]string{"DATA": data.URL})
	slow := make(chan answer, 1)
	request := b.request(http.MethodGet, "/slow", nil)
	go func() {
		response, err := b.client.Do(request)
		if err != nil {
			t.Error(err)
			slow <- answer{}
			return
		}
		slow <- read(t, response)
	}()
	data.next(t)

	b.interrupt()
	b.log.next(t, "shutting down")
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("readyz in the delay: %+v", got)
	}
	if got := b.send(http.MethodGet, "/"); got.status != http.StatusOK {
		t.Errorf("traffic in the delay: %+v", got)
	}
	b.log.next(t, "request")

	b.log.next(t, "refusing requests")
	got := b.send(http.MethodGet, "/")
	expectRefusal(t, b, got, 503, "shutting_down")
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("readyz in the grace: %+v", got)
	}

	close(release)
	if got := await(t, "the slow request", slow); got.status != http.StatusOK || got.body != "served" {
		t.Errorf("the request that had begun: %+v", got)
	}
	b.log.next(t, "stopped")
	if connection, err := net.Dial("tcp", b.address); err == nil {
		connection.Close()
		t.Error("it still listens")
	}
}

// What does not end within the grace is cut off.
func TestShutdownGrace(t *testing.T) {
	data := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	b := start(t, `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, shutdown_grace: 50ms }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`, map[string]string{"DATA": data.URL})
	connection := dial(t, b.address)
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: postern\r\n\r\n")
	data.next(t)
	b.interrupt()
	if n, err := connection.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d, %v, want the end", n, err)
	}
	b.log.next(t, "requests were cut off at the end of the grace")
	b.log.next(t, "stopped")
}
