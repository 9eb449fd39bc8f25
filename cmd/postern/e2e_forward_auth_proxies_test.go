package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// forwardAuthFolder has the configurations that are shown to operators; these
// tests run them as they are but for addresses.
const forwardAuthFolder = "../../deploy/forward-auth"

// askingProxy is a proxy of others that asks Postern about each request.
type askingProxy struct {
	postern *testbed
	data    *spy
	address string
}

// proxyKinds says with which file each of them is run, and how.
var proxyKinds = map[string]struct {
	program, file string
	arguments     []string
}{
	"nginx":   {"nginx", "nginx.conf", []string{"-e", "stderr", "-g", "daemon off; master_process off; pid nginx.pid;", "-p", ".", "-c"}},
	"Caddy":   {"caddy", "Caddyfile", []string{"run", "--adapter", "caddyfile", "--config"}},
	"HAProxy": {"haproxy", "haproxy.cfg", []string{"-db", "-f"}},
}

func startAsking(t *testing.T, name string) *askingProxy {
	t.Helper()
	kind := proxyKinds[name]
	needTool(t, kind.program)
	p := &askingProxy{data: newSpy(t, nil), address: deadAddress(t)}
	folder := t.TempDir()
	copyShown(t, "postern.yaml", folder,
		`listen: "127.0.0.1:8080"`, `listen: "127.0.0.1:0"`,
		`listen: "127.0.0.1:8081"`, `listen: "127.0.0.1:0"`,
		"127.0.0.1:3000", p.data.Listener.Addr().String(),
		"\nserver:", "\nadmin: { listen: \"127.0.0.1:0\" }\nserver:\n  shutdown_delay: 0s")
	t.Setenv("WIDGET_SECRET", "a-shared-secret-of-thirty-two-bytes")
	p.postern = startFile(t, filepath.Join(folder, "postern.yaml"))
	files := []string{kind.file}
	if name == "HAProxy" {
		files = append(files, "postern.lua")
	}
	for _, file := range files {
		copyShown(t, file, folder,
			"127.0.0.1:8000", p.address, "http://:8000", "http://"+p.address[strings.LastIndexByte(p.address, ':'):], "127.0.0.1:8081", p.postern.forwardAuth, "127.0.0.1:3000", p.data.Listener.Addr().String(),
			"\nhttp {", "\nhttp {\naccess_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;")
	}
	runProxy(t, folder, kind.program, append(kind.arguments, kind.file)...)
	eventually(t, name, func() bool {
		connection, err := net.Dial("tcp", p.address)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	return p
}

// copyShown copies a configuration that is shown, with other addresses.
func copyShown(t *testing.T, file, folder string, oldNew ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(forwardAuthFolder, file))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, file), []byte(strings.NewReplacer(oldNew...).Replace(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func runProxy(t *testing.T, folder, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "HOME="+folder)
	said, err := os.Create(filepath.Join(folder, "said"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		last := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer last.Stop()
		_ = command.Wait() // some call their end by a signal a failure
		said.Close()
		if text, _ := os.ReadFile(said.Name()); t.Failed() {
			t.Logf("%s said:\n%s", program, text)
		}
	})
}

// send makes a request to the proxy, for a target as it is.
func (p *askingProxy) send(t *testing.T, method, target, body string, fields ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+p.address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque, r.Close = target, true
	setFields(t, r, append(fields[:len(fields):len(fields)], "Host: www.example.com", "X-Forwarded-For: 203.0.113.9"))
	response, err := p.postern.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response)
}

// The proxies of others, with the configurations that are shown for them, let pass
// what Postern lets pass, and their backends hear what it says and nothing else.
func TestForwardAuthOfOthers(t *testing.T) {
	for name := range proxyKinds {
		t.Run(name, func(t *testing.T) {
			p := startAsking(t, name)
			ann := annsToken(t, nil)
			forged := []string{"X-Customer-Id: eve", "X_Customer_Id: eve", "x_customer-id: eve", "X-Auth-Level: admin", "X-Request-Id: chosen"}
			elsewhere := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /public", "X-Original-Method: GET", "X-Original-URI: /public", "X-Forwarded-Host: a.example"}
			type passed struct{ Target, Body, Customer, Level string }
			for title, test := range map[string]struct {
				method, target, body string
				fields               []string
				want                 passed
			}{
				"a customer":                {"GET", "/customers/ann/messages?x=1&y=%20", "", []string{ann}, passed{"/customers/ann/messages?x=1&y=%20", "", "ann", "customer"}},
				"a body":                    {"POST", "/customers/ann/messages", "hello", []string{ann}, passed{"/customers/ann/messages", "hello", "ann", "customer"}},
				"a path with an escape":     {"GET", "/customers/%61nn/messages", "", []string{ann}, passed{"/customers/%61nn/messages", "", "ann", "customer"}},
				"a visitor":                 {"GET", "/public", "", nil, passed{"/public", "", "", "anonymous"}},
				"a forged customer":         {"GET", "/customers/ann/messages", "", append(forged, ann), passed{"/customers/ann/messages", "", "ann", "customer"}},
				"a forged visitor":          {"GET", "/public", "", forged, passed{"/public", "", "", "anonymous"}},
				"headers of another family": {"GET", "/public", "", elsewhere, passed{"/public", "", "", "anonymous"}},
			} {
				if got := p.send(t, test.method, test.target, test.body, test.fields...); got.status != http.StatusOK || got.body != "ok" {
					t.Fatalf("%s: %+v", title, got)
				}
				got := p.data.next(t)
				if diff := cmp.Diff(test.want, passed{got.target, got.body, strings.Join(got.header["X-Customer-Id"], ","), strings.Join(got.header["X-Auth-Level"], ",")}); diff != "" {
					t.Errorf("%s: %s", title, diff)
				}
				for field := range got.header {
					if strings.Contains(field, "_") || field == "Authorization" {
						t.Errorf("%s: the backend got %s", title, field)
					}
				}
				logged := p.postern.log.next(t, "request")
				if id := got.header.Get("X-Request-Id"); id != logged["request_id"] || id == "chosen" || logged["client"] != "127.0.0.1" {
					t.Errorf("%s: the id is %q, logged %v", title, id, logged)
				}
			}
			for title, test := range map[string]struct {
				method, target string
				fields         []string
				status         int
				reason         string
			}{
				"no credential":                         {"GET", "/customers/ann/messages", nil, 401, "missing_credential"},
				"another customer":                      {"GET", "/customers/bob/messages", []string{ann}, 403, "identity_mismatch"},
				"another customer, escaped":             {"GET", "/customers/%62ob/messages", []string{ann}, 403, "identity_mismatch"},
				"no route":                              {"GET", "/nowhere", []string{ann}, 403, "no_route"},
				"another method":                        {"PUT", "/public", nil, 403, "method_not_allowed"},
				"dots":                                  {"GET", "/public/../customers/bob/messages", []string{ann}, 403, "ambiguous_path"},
				"two slashes":                           {"GET", "/public//customers/bob/messages", []string{ann}, 403, "ambiguous_path"},
				"no credential, headers of the proxy":   {"GET", "/customers/ann/messages", elsewhere, 401, "missing_credential"},
				"another customer, headers of a proxy":  {"POST", "/customers/bob/messages", append(elsewhere, ann), 403, "identity_mismatch"},
				"a broken token beside a forged header": {"GET", "/customers/ann/messages", append(forged, "Authorization: JWT x.y.z"), 401, "malformed_credential"},
			} {
				got := p.send(t, test.method, test.target, "", test.fields...)
				if got.status != test.status || got.header.Get("Postern-Reason") != test.reason {
					t.Errorf("%s: %+v", title, got)
				}
				if challenge := got.header.Get("Www-Authenticate"); (got.status == http.StatusUnauthorized) != strings.HasPrefix(challenge, `JWT realm="postern"`) {
					t.Errorf("%s: the challenge is %q", title, challenge)
				}
			}
			// Not every proxy can remove each alias of a header; it is refused then.
			if got := p.send(t, http.MethodGet, "/public", "", "X.Customer.Id: eve"); got.status == http.StatusOK {
				for field := range p.data.next(t).header {
					if strings.Contains(field, ".") {
						t.Errorf("the backend got %s", field)
					}
				}
			} else if got.header.Get("Postern-Reason") != "malformed_request" {
				t.Errorf("an alias: %+v", got)
			}
			// What would have a backend serve something else does not reach it.
			for _, fields := range [][]string{
				{"X-HTTP-Method-Override: DELETE"}, {"X-Rewrite-Url: /customers/bob/messages"}, {"X-Original-Url: /customers/bob/messages"},
				{"Upgrade: websocket", "Connection: Upgrade"},
				{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"},
			} {
				if got := p.send(t, http.MethodGet, "/public", "", fields...); got.status == http.StatusOK && len(p.data.next(t).header["Upgrade"]) > 0 || got.status != http.StatusOK && got.status/100 != 4 {
					t.Errorf("%q: %+v", fields, got)
				}
				p.data.expectNone(t)
			}
			if got := p.send(t, http.MethodGet, "/customers/ann/messages", "", ann, "Connection: close, X-Customer-Id, X-Auth-Level", "Upgrade: h2c"); got.status == http.StatusOK {
				if header := p.data.next(t).header; header.Get("X-Customer-Id") != "ann" || header.Get("X-Auth-Level") != "customer" || header["Upgrade"] != nil {
					t.Errorf("the backend got %v", header)
				}
			}
			// Nothing passes without an answer of Postern's.
			p.postern.stop()
			if got := p.send(t, http.MethodGet, "/public", ""); got.status < http.StatusInternalServerError {
				t.Errorf("without Postern: %+v", got)
			}
			p.data.expectNone(t)
		})
	}
}
