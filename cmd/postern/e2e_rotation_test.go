package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// rotationYAML has two slots of each kind: one ends where the other has begun.
const rotationYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  app:
    type: token
    scheme: Token
    tokens:
      - { id: old, value: old-token, not_after: ${END} }
      - { id: new, value: new-token, not_before: ${BEGIN} }
      - { id: over, value: over-token, not_after: ${BEGIN} }
      - { id: early, value: early-token, not_before: ${END} }
  widget:
    type: jwt
    scheme: JWT
    algorithms: [HS256]
    keys:
      secrets:
        - { id: old, value: the-old-secret-of-thirty-two-bytes, not_after: ${END} }
        - { id: new, value: the-new-secret-of-thirty-two-bytes, not_before: ${BEGIN} }
        - { id: over, value: the-over-secret-of-thirty-two-bytes, not_after: ${BEGIN} }
  tenant: { type: jwt, scheme: Ring, algorithms: [HS256], keys: { keyring_file: "${RING}", select: path.tenant } }
routes:
  - { match: /app, upstream: data, authenticate: [app] }
  - { match: /widget, upstream: data, authenticate: [widget] }
  - { match: "/tenant/{tenant}", upstream: data, authenticate: [tenant] }
`

// While two slots overlap both verify, and the metrics tell whether anyone still
// uses the one that ends.
func TestSlotsOverlap(t *testing.T) {
	data := newSpy(t, nil)
	begin, end := time.Now().Add(-time.Hour).UTC().Truncate(time.Second), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	ring := filepath.Join(t.TempDir(), "ring.yaml")
	text := fmt.Sprintf("acme: [{ id: old, value: the-old-secret-of-thirty-two-bytes, not_after: %s }]\n", end.Format(time.RFC3339))
	if err := os.WriteFile(ring, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"DATA": data.URL, "BEGIN": begin.Format(time.RFC3339), "END": end.Format(time.RFC3339), "RING": ring}
	b := start(t, rotationYAML, values)
	jwtOf := func(id string) string { return shared(t, "JWT", "the-"+id+"-secret-of-thirty-two-bytes") }
	for range 2 {
		b.expect(t, "", "/app", "Authorization: Token old-token")
		b.expect(t, "", "/app", "Authorization: Token new-token")
		b.expect(t, "token_expired", "/app", "Authorization: Token over-token")
		b.expect(t, "token_not_yet_valid", "/app", "Authorization: Token early-token")
		b.expect(t, "", "/widget", jwtOf("old"))
		b.expect(t, "", "/widget", jwtOf("new"))
		b.expect(t, "bad_signature", "/widget", jwtOf("over"))
		b.expect(t, "", "/tenant/acme", shared(t, "Ring", "the-old-secret-of-thirty-two-bytes"))
	}
	b.expect(t, "", "/widget", jwtOf("new"))
	used := func(authenticator, id string) string {
		return labelled("secret_used_total", "authenticator", authenticator, "id", id)
	}
	ends := func(authenticator, id string) string {
		return labelled("secret_not_after_timestamp_seconds", "authenticator", authenticator, "id", id)
	}
	want := map[string]float64{
		used("app", "old"): 2, used("app", "new"): 2, used("widget", "old"): 2, used("widget", "new"): 3,
		ends("app", "old"): float64(end.Unix()), ends("app", "over"): float64(begin.Unix()),
		ends("widget", "old"): float64(end.Unix()), ends("widget", "over"): float64(begin.Unix()),
	}
	families := []string{"secret_used_total", "secret_not_after_timestamp_seconds"}
	if diff := cmp.Diff(want, b.metrics(families...)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}

	// The old slot leaves, and its series with it.
	without := strings.NewReplacer("      - { id: old, value: old-token, not_after: ${END} }\n", "",
		"        - { id: old, value: the-old-secret-of-thirty-two-bytes, not_after: ${END} }\n", "").Replace(rotationYAML)
	b.configure(without, values)
	b.log.next(t, "configuration reloaded")
	b.expect(t, "unknown_token", "/app", "Authorization: Token old-token")
	b.expect(t, "bad_signature", "/widget", jwtOf("old"))
	b.expect(t, "", "/widget", jwtOf("new"))
	want = map[string]float64{
		used("app", "new"): 2, used("widget", "new"): 4,
		ends("app", "over"): float64(begin.Unix()), ends("widget", "over"): float64(begin.Unix()),
	}
	if diff := cmp.Diff(want, b.metrics(families...)); diff != "" {
		t.Errorf("metrics without the old slot (-want +got):\n%s", diff)
	}
}

// A reload that does not touch them leaves connections, the token cache, and
// fetched keys as they are; many leave nothing behind.
func TestReloadCarriesOver(t *testing.T) {
	var connections sync.Map
	data := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { connections.Store(r.RemoteAddr, true) })
	idp := newIssuer(t, "k1")
	values := map[string]string{"DATA": data.URL, "IDP": idp.URL, "PATH": "/app", "TOKEN": "0"}
	b := start(t, reloadYAML, values)
	b.log.next(t, "keys loaded")
	token := "Authorization: Bearer " + idp.sign(t, "k1", jwt.MapClaims{"iss": "idp", "aud": "chat", "sub": "ann", "exp": fromNow(time.Hour)})
	b.expect(t, "", "/customer", token)
	families := []string{"token_cache_misses_total", "token_cache_entries", "keys_refresh_total"}
	want := b.metrics(families...)

	// From here on nothing may ask the provider.
	idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	before := 0
	for i := range 200 {
		values["TOKEN"] = fmt.Sprint(i + 1)
		b.configure(reloadYAML, values)
		if err := b.app.reload(); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			before = runtime.NumGoroutine()
		}
	}
	b.expect(t, "", "/customer", token)
	if after := runtime.NumGoroutine(); after > before+5 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
	if diff := cmp.Diff(want, b.metrics(families...)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	seen := 0
	connections.Range(func(any, any) bool { seen++; return true })
	if seen != 1 {
		t.Errorf("%d connections to the backend", seen)
	}
}

// A hangup while the program starts does not end it, and is not lost.
func TestHangupWhileStarting(t *testing.T) {
	data := newSpy(t, nil)
	file := filepath.Join(t.TempDir(), "postern.yaml")
	// To decode this takes longer than to send a signal.
	var big strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&big, "tenant-%d: [{ id: a, value: %s }]\n", i, firstSecret)
	}
	ring := filepath.Join(filepath.Dir(file), "ring.yaml")
	if err := os.WriteFile(ring, []byte(big.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, file, anyPort+`
upstreams: { data: { url: "${DATA}" } }
authenticators: { tenant: { type: jwt, algorithms: [HS256], keys: { keyring_file: ring.yaml, select: path.tenant } } }
routes: [{ match: "/{tenant}", upstream: data, authenticate: [tenant] }]
`, map[string]string{"DATA": data.URL})
	log := newTape()
	var stderr bytes.Buffer
	program := exec.Command("postern", "serve", "--config", file)
	program.Stderr = &stderr
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			_, _ = log.Write(lines.Bytes())
		}
		ended <- program.Wait()
	}()
	defer func() {
		_ = program.Process.Signal(syscall.SIGTERM)
		if err := await(t, "the end", ended); err != nil {
			t.Errorf("%v: %s", err, &stderr)
		}
	}()
	eventually(t, "the files to be read", func() bool { return bytesRead(t, program.Process.Pid) >= big.Len() })
	if err := program.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	log.next(t, "configuration reloaded")
}

// bytesRead returns how much a process has read so far.
func bytesRead(t testing.TB, pid int) (n int) {
	stats, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err == nil {
		_, err = fmt.Sscanf(string(stats), "rchar: %d", &n)
	}
	if err != nil {
		lacking(t, "/proc/PID/io")
	}
	return n
}
