package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stallLog has requests denied until each waits for a log that nobody reads.
func (p *process) stallLog() {
	p.t.Helper()
	var stalled sync.WaitGroup
	for range 32 {
		stalled.Go(func() {
			for {
				request := p.request(http.MethodGet, "/guarded", nil)
				ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Second)
				response, err := p.client.Do(request.WithContext(ctx))
				if err == nil {
					_ = response.Body.Close()
				}
				cancel()
				if err != nil {
					return
				}
			}
		})
	}
	stalled.Wait()
}

// A log that nobody reads holds up what is denied, but nothing that operates the
// process: neither revocations, nor reloads, nor its end.
func TestStalledLogFreezesNothing(t *testing.T) {
	data := newSpy(t, nil)
	revoked := filepath.Join(t.TempDir(), "revoked.yaml")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(revoked, "[]\n")
	p := startProcess(t, processYAML+"revocations: { file: \""+revoked+"\" }\n", map[string]string{"DATA": data.URL, "DELAY": "0s", "GRACE": "1s"})
	asked := func(token string) int {
		p.client.CloseIdleConnections() // on which a line may still be waiting
		response := p.send(http.MethodGet, "/guarded", "Authorization: Token "+token)
		if response.status == http.StatusOK {
			data.next(t)
		}
		return response.status
	}
	loaded := func(times float64) {
		t.Helper()
		late := time.Now().Add(patience)
		for p.metrics("config_reloads_total")[`config_reloads_total{result="success"}`] < times {
			if time.Now().After(late) {
				t.Fatalf("load %v does not end", times)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	p.stallLog()
	if got := asked("token-secret"); got != http.StatusOK {
		t.Fatal(got)
	}
	// Each of these reloads has lines to log.
	configuration, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	write(p.file, strings.Replace(string(configuration), "value: token-secret", "value: other-secret", 1))
	loaded(2)
	if got := asked("other-secret"); got != http.StatusOK {
		t.Errorf("the new token: %d", got)
	}
	write(revoked, "[{ key_id: t }]\n")
	loaded(3)
	p.signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- p.command.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}
