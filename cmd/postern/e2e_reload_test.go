package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reloadYAML serves one path, with one token.
const reloadYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  project-token: { type: token, scheme: Token, tokens: [{ id: mobile, value: "${TOKEN}" }] }
  customer-token: { type: jwt, keys: { jwks_url: "${IDP}" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
routes:
  - { name: served, match: "${PATH}", upstream: data, authenticate: [project-token] }
  - { name: customer, match: /customer, upstream: data, authenticate: [customer-token] }
`

var reloadMetrics = []string{"config_last_reload_successful", "config_reloads_total"}

// shop is a Postern whose configuration changes.
func shop(t *testing.T) (b *testbed, values func(path, token string) map[string]string) {
	data := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(data.Close)
	idp := newIssuer(t, "k1")
	values = func(path, token string) map[string]string {
		return map[string]string{"DATA": data.URL, "IDP": idp.URL, "PATH": path, "TOKEN": token}
	}
	b = start(t, reloadYAML, values("/before", "old-secret"))
	b.log.next(t, "keys loaded")
	return b, values
}

func TestReload(t *testing.T) {
	hangUp := func(t *testing.T, b *testbed) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	post := func(status int, text string) func(*testing.T, *testbed) {
		return func(t *testing.T, b *testbed) {
			got := b.operate(b.admin, http.MethodPost, "/-/reload")
			if got.status != status || !strings.Contains(got.body, text) {
				t.Errorf("answered %+v, want %d and %q", got, status, text)
			}
		}
	}
	for _, test := range []struct {
		name, path, token string
		reload            func(*testing.T, *testbed)
		taken             bool
	}{
		{"POST", "/after", "new-secret", post(200, "reloaded"), true},
		{"SIGHUP", "/after", "new-secret", hangUp, true},
		{"POST of a bad file", "no path", "new-secret", post(400, "postern.yaml:10:28: "), false},
		{"SIGHUP with a bad file", "no path", "new-secret", hangUp, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, values := shop(t)
			b.configure(reloadYAML, values(test.path, test.token))
			test.reload(t, b)
			want := map[string]float64{
				"config_last_reload_successful": 1, `config_reloads_total{result="success"}`: 1, `config_reloads_total{result="failure"}`: 0,
			}
			served, gone, secret := "/before", "/after", "old-secret"
			if test.taken {
				b.log.next(t, "configuration reloaded")
				want[`config_reloads_total{result="success"}`] = 2
				served, gone, secret = "/after", "/before", "new-secret"
			} else {
				logged := b.log.next(t, "reload refused, the running configuration stays")
				if reason, _ := logged["error"].(string); logged["level"] != "ERROR" || !strings.Contains(reason, "postern.yaml:10:28: ") {
					t.Errorf("logged %v", logged)
				}
				want["config_last_reload_successful"], want[`config_reloads_total{result="failure"}`] = 0, 1
			}
			if diff := cmp.Diff(want, b.metrics(reloadMetrics...)); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			if got := b.send(http.MethodGet, served, "Authorization: Token "+secret); got.status != http.StatusOK {
				t.Errorf("%s: %+v", served, got)
			}
			if got := b.send(http.MethodGet, gone, "Authorization: Token "+secret); got.status != http.StatusNotFound {
				t.Errorf("%s: %+v", gone, got)
			}
			// A file that is good again is taken.
			b.configure(reloadYAML, values("/again", "again-secret"))
			post(200, "reloaded")(t, b)
			if got := b.metrics("config_last_reload_successful"); got["config_last_reload_successful"] != 1 {
				t.Errorf("metrics: %v", got)
			}
		})
	}
}

func TestReloadNeedsARestart(t *testing.T) {
	b, values := shop(t)
	for change, key := range map[string]string{
		`server: { listen: "127.0.0.1:1"`:                                              "server changed",
		`server: { idle_timeout: 1s, listen: "127.0.0.1:0"`:                            "server changed",
		`health: { listen: "127.0.0.1:0" }` + "\n" + `server: { listen: "127.0.0.1:0"`: "health changed",
		`limits: { connections: 7 }` + "\n" + `server: { listen: "127.0.0.1:0"`:        "limits.connections changed",
		`log: { format: text }` + "\n" + `server: { listen: "127.0.0.1:0"`:             "log.format changed",
	} {
		b.configure(strings.Replace(reloadYAML, `server: { listen: "127.0.0.1:0"`, change, 1), values("/after", "new-secret"))
		got := b.operate(b.admin, http.MethodPost, "/-/reload")
		if want := key + ": this needs a restart\n"; got.status != http.StatusBadRequest || got.body != want {
			t.Errorf("%s: %+v, want %q", change, got, want)
		}
	}
	if got := b.send(http.MethodGet, "/before", "Authorization: Token old-secret"); got.status != http.StatusOK {
		t.Errorf("the old policy: %+v", got)
	}
}

// traffic sends requests that must be served until the function is called that
// it returns.
func traffic(t *testing.T, b *testbed) (end func()) {
	var running sync.WaitGroup
	stop := make(chan struct{})
	var served atomic.Int64
	for range 4 {
		r := b.request(http.MethodGet, "/before", nil, "Authorization: Token old-secret")
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := b.client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				if response.Body.Close(); response.StatusCode != http.StatusOK {
					t.Error(response.Status)
					return
				}
				served.Add(1)
			}
		})
	}
	return sync.OnceFunc(func() {
		eventually(t, "traffic", func() bool { return served.Load() > 100 || t.Failed() })
		close(stop)
		running.Wait()
	})
}

// reconfigure writes the configuration, every other time with more upstreams and
// other keys.
func reconfigure(b *testbed, i int, values map[string]string) {
	text := reloadYAML
	if i%2 == 0 {
		text += "  - { match: /more, upstream: more, authenticate: [anonymous] }\n"
		text = strings.Replace(text, "upstreams: {", `upstreams: { more: { url: "http://127.0.0.1:1" },`, 1)
		text = strings.Replace(text, "{ jwks_url:", "{ refresh: 1m, jwks_url:", 1)
	}
	b.configure(text, values)
}

// No request fails because of a reload, and no generation leaves anything
// behind.
func TestReloadsUnderTraffic(t *testing.T) {
	reloads := 1000
	if testing.Short() {
		reloads = 100
	}
	b, values := shop(t)
	b.log.mute()
	end := traffic(t, b)
	defer end()
	var warm figures
	for i := range reloads {
		reconfigure(b, i, values("/before", "old-secret"))
		if err := b.app.reload(); err != nil {
			t.Fatal(err)
		}
		if i == 50 {
			warm = measure(t)
		}
	}
	end()
	now := measure(t)
	t.Logf("from %s to %s", warm, now)
	now.expectNoGrowth(t, warm)
}
