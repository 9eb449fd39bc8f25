package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is `postern serve` in a process of its own.
type process struct {
	testbed
	command *exec.Cmd
	lines   *bufio.Scanner
}

// startProcess runs Postern and reads its log until it listens.
func startProcess(t *testing.T, yaml string, values map[string]string) *process {
	t.Helper()
	p := launch(t, yaml, values)
	listening := p.next("listening")
	p.address, p.admin = listening["clients"].(string), listening["admin"].(string)
	return p
}

// launch runs Postern.
func launch(t *testing.T, yaml string, values map[string]string) *process {
	t.Helper()
	p := &process{testbed: testbed{t: t, file: filepath.Join(t.TempDir(), "postern.yaml"), client: newClient(t)}}
	writeConfig(t, p.file, yaml, values)
	p.command = exec.Command("postern", "serve", "--config", p.file)
	p.command.Stderr = os.Stderr
	out, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	})
	p.lines = bufio.NewScanner(out)
	return p
}

// next reads the log up to a message.
func (p *process) next(message string) record {
	p.t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	for p.lines.Scan() {
		var r record
		if err := json.Unmarshal(p.lines.Bytes(), &r); err != nil {
			p.t.Fatalf("%q: %v", p.lines.Text(), err)
		}
		if r["msg"] == message {
			return r
		}
	}
	p.t.Fatalf("the log ends before %q", message)
	return nil
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait reads the rest of the log and returns how the process ended.
func (p *process) wait() *os.ProcessState {
	p.t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	for p.lines.Scan() {
	}
	if err := p.command.Wait(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			p.t.Fatal(err)
		}
	}
	return p.command.ProcessState
}

// fetch makes a request whose answer may take long.
func (p *process) fetch(target string) <-chan string {
	done, request := make(chan string, 1), p.request(http.MethodGet, target, nil)
	go func() {
		response, err := p.client.Do(request)
		if err != nil {
			done <- "cut off"
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			done <- "cut off"
			return
		}
		done <- fmt.Sprintf("%d %s%s", response.StatusCode, response.Header.Get("Postern-Reason"), body[:min(len(body), 6)])
	}()
	return done
}

const processYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: ${DELAY}, shutdown_grace: ${GRACE} }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret }] }
routes:
  - { name: open, match: /, upstream: data, authenticate: [anonymous] }
  - { name: guarded, match: /guarded, upstream: data, authenticate: [token] }
`

// slowBackend answers requests for /slow once it is released.
func slowBackend(t *testing.T) (data *spy, release chan struct{}) {
	release = make(chan struct{})
	data = newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slow") {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, "served")
	})
	return data, release
}

// A process that is told to end does so in order, with requests in flight.
func TestTerminate(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			data, release := slowBackend(t)
			p := startProcess(t, processYAML, map[string]string{"DATA": data.URL, "DELAY": "1s", "GRACE": "20s"})
			before := p.fetch("/slow")
			data.next(t)
			if got := p.operate(p.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
				t.Errorf("readyz before: %+v", got)
			}

			p.signal(s)
			p.next("shutting down")
			if got := p.operate(p.admin, http.MethodGet, "/readyz"); got.status != http.StatusServiceUnavailable {
				t.Errorf("readyz in the delay: %+v", got)
			}
			if got := p.operate(p.admin, http.MethodGet, "/healthz"); got.status != http.StatusOK {
				t.Errorf("healthz in the delay: %+v", got)
			}
			if got := await(t, "traffic in the delay", p.fetch("/")); got != "200 served" {
				t.Errorf("traffic in the delay: %s", got)
			}
			during := p.fetch("/slow")
			data.next(t)
			data.next(t)

			p.next("refusing requests")
			if got := p.send(http.MethodGet, "/"); got.status != http.StatusServiceUnavailable || got.header.Get("Postern-Reason") != "shutting_down" {
				t.Errorf("traffic in the grace: %+v", got)
			}
			close(release)
			for _, slow := range []<-chan string{before, during} {
				if got := await(t, "a slow request", slow); got != "200 served" {
					t.Errorf("a request that had begun: %s", got)
				}
			}
			if state := p.wait(); state.ExitCode() != 0 {
				t.Errorf("it ended with %s", state)
			}
		})
	}
}

// What does not end within the grace is cut off, and logged all the same.
func TestTerminateGrace(t *testing.T) {
	data, _ := slowBackend(t)
	p := startProcess(t, processYAML, map[string]string{"DATA": data.URL, "DELAY": "0s", "GRACE": "100ms"})
	slow := make([]<-chan string, 40)
	for i := range slow {
		slow[i] = p.fetch("/slow")
		data.next(t)
	}
	p.signal(syscall.SIGTERM)
	for _, cut := range slow {
		if got := await(t, "a slow request", cut); got != "cut off" {
			t.Errorf("a slow request: %s", got)
		}
		if logged := p.next("request"); logged["status"] != 499.0 {
			t.Errorf("logged %v", logged)
		}
	}
	if state := p.wait(); state.ExitCode() != 0 {
		t.Errorf("it ended with %s", state)
	}
}

// A second signal ends the process at once.
func TestTerminateTwice(t *testing.T) {
	data, _ := slowBackend(t)
	p := startProcess(t, processYAML, map[string]string{"DATA": data.URL, "DELAY": "1h", "GRACE": "1h"})
	slow := p.fetch("/slow")
	data.next(t)
	p.signal(syscall.SIGTERM)
	p.next("shutting down")
	p.signal(syscall.SIGTERM)
	if got := await(t, "the slow request", slow); got != "cut off" {
		t.Errorf("the slow request: %s", got)
	}
	if status := p.wait().Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", status)
	}
}

// A log that nobody reads stalls no traffic, and loses no denial.
func TestLogThatNobodyReads(t *testing.T) {
	data := newSpy(t, nil)
	p := startProcess(t, processYAML, map[string]string{"DATA": data.URL, "DELAY": "0s", "GRACE": "1s"})
	const rounds = 8
	requests, denials := 0, 0
	for dropped := 0.0; dropped == 0; dropped = p.metrics("log_dropped_total")["log_dropped_total"] {
		for range 100 * rounds {
			if got := p.send(http.MethodGet, "/", "X-A: b"); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			data.next(t)
			requests++
		}
		for range rounds {
			if got := p.send(http.MethodGet, "/guarded", "X-A: b"); got.status != http.StatusUnauthorized {
				t.Fatalf("%+v", got)
			}
			denials++
		}
	}
	for range 10 {
		p.send(http.MethodGet, "/guarded")
		denials++
	}
	dropped := int(p.metrics("log_dropped_total")["log_dropped_total"])

	p.signal(syscall.SIGTERM)
	allowed, denied, stopped := 0, 0, false
	for p.lines.Scan() {
		var r record
		if err := json.Unmarshal(p.lines.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", p.lines.Text(), err)
		}
		switch {
		case r["msg"] == "stopped":
			stopped = true
		case r["decision"] == "allow":
			allowed++
		case r["decision"] == "deny":
			denied++
		}
	}
	if allowed+dropped != requests || denied != denials || !stopped {
		t.Errorf("%d lines of %d requests, %d dropped; %d of %d denials; stopped: %t", allowed, requests, dropped, denied, denials, stopped)
	}
	if state := p.wait(); state.ExitCode() != 0 {
		t.Errorf("it ended with %s", state)
	}
}
