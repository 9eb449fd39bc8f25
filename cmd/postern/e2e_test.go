package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"postern/config"
)

// patience bounds every wait for an event; no test waits for it to pass.
const patience = 20 * time.Second

// anyPort lets the listeners choose their ports, and ends without delay.
const anyPort = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0" }
`

// testbed is a Postern that runs in this process just as serve runs it.
type testbed struct {
	t      testing.TB
	file   string
	app    *app
	log    *tape
	client *http.Client
	// Where it listens; health and forwardAuth are "" without such a listener.
	address, admin, health, forwardAuth string
	// interrupt begins the shutdown.
	interrupt context.CancelFunc
	// stop ends it and waits for that; further calls do nothing.
	stop func()
}

// start runs Postern with a configuration, whose ${NAME}s are replaced. It is
// stopped when the test ends, and may leave no goroutine behind.
func start(t testing.TB, yaml string, values map[string]string) *testbed {
	t.Helper()
	file := filepath.Join(t.TempDir(), "postern.yaml")
	writeConfig(t, file, yaml, values)
	return startFile(t, file)
}

// startFile is [start] with a file that is written already.
func startFile(t testing.TB, file string) *testbed {
	t.Helper()
	expectNoNewGoroutines(t)
	b := &testbed{t: t, file: file, log: newTape(), client: newClient(t)}
	c, err := config.Load(b.file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenAll(c)
	if err != nil {
		t.Fatal(err)
	}
	b.address, b.admin = l.clients.Addr().String(), l.admin.Addr().String()
	if l.health != nil {
		b.health = l.health.Addr().String()
	}
	if l.forwardAuth != nil {
		b.forwardAuth = l.forwardAuth.Addr().String()
	}
	b.app = newApp(b.file, c, newLogger(c.Log, b.log))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	hangups, stopHangups := notifyHangups()
	t.Cleanup(stopHangups)
	go func() { ended <- b.app.serve(ctx, l, hangups) }()
	b.interrupt = cancel
	b.stop = sync.OnceFunc(func() {
		cancel()
		b.client.CloseIdleConnections()
		if err := await(t, "the end of serve", ended); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(b.stop)
	b.log.next(t, "listening")
	return b
}

// configure writes the configuration file; a running Postern sees it by itself
// after a while.
func (b *testbed) configure(yaml string, values map[string]string) {
	b.t.Helper()
	writeConfig(b.t, b.file, yaml, values)
}

func writeConfig(t testing.TB, file, yaml string, values map[string]string) {
	t.Helper()
	text := os.Expand(yaml, func(name string) string {
		value, ok := values[name]
		if !ok {
			t.Fatalf("the configuration names ${%s}, which has no value", name)
		}
		return value
	})
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// answer is a response that has arrived whole.
type answer struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
}

// send makes a request; each field is a whole line such as "Cookie: a=b".
func (b *testbed) send(method, target string, fields ...string) answer {
	b.t.Helper()
	return b.exchange(b.request(method, target, nil, fields...))
}

func (b *testbed) request(method, target string, body io.Reader, fields ...string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, "http://"+b.address+target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	setFields(b.t, r, fields)
	return r
}

func setFields(t testing.TB, r *http.Request, fields []string) {
	t.Helper()
	for _, field := range fields {
		name, value, ok := strings.Cut(field, ": ")
		if !ok {
			t.Fatalf("%q is no header field", field)
		}
		if name == "Host" {
			r.Host = value
			continue
		}
		// Not Add, which would spell the name in its own way.
		r.Header[name] = append(r.Header[name], value)
	}
}

func (b *testbed) exchange(r *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, response)
}

func read(t testing.TB, response *http.Response) answer {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return answer{response.StatusCode, response.Header, response.Trailer, string(body)}
}

// operate makes a request to the admin or the health listener.
func (b *testbed) operate(address, method, target string, fields ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, "http://"+address+target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	setFields(b.t, r, fields)
	return b.exchange(r)
}

func newClient(t testing.TB) *http.Client {
	client := &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// await receives from a channel, and fails the test where nothing comes.
func await[T any](t testing.TB, what string, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: nothing in %s", what, patience)
	}
	return value
}

// eventually polls where there is nothing to wait on.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in %s", what, patience)
		}
	}
}

// expectNoNewGoroutines compares the number at the end of the test with that of
// now. The backends of the test must be running already.
func expectNoNewGoroutines(t testing.TB) {
	// Once used, os/signal keeps a goroutine.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	signal.Stop(signals)
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				var stacks strings.Builder
				_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
				t.Fatalf("%d goroutines, %d before the test:\n%s", runtime.NumGoroutine(), before, stacks.String())
			}
		}
	})
}
