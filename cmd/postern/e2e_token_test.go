package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verifyToken runs the command, and returns its exit code and what it said of a
// refusal.
func verifyToken(t *testing.T, file, token string) (code int, refusal string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), []string{"token", "verify", "--config", file, "--authenticator", "customer-token", token}, &stdout, &stderr)
	if got := strings.Contains(stdout.String(), `"customer_id": "c1"`); got != (code == exitDone) {
		t.Errorf("exit code %d with %s", code, &stdout)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	return code, lines[len(lines)-1]
}

// Remote keys are fetched for one token, and nothing is left behind; where serve
// keeps a copy, nothing is fetched.
func TestVerifyTokenWithRemoteKeys(t *testing.T) {
	data, idp, other := newSpy(t, nil), newIssuer(t, "k1"), newIssuer(t, "o1")
	state, file := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "postern.yaml")
	values := map[string]string{"DATA": data.URL, "OTHER": other.URL, "STATE": state, "KEYS": `jwks_url: "` + idp.URL + `"`}
	writeConfig(t, file, keysYAML, values)
	good, strange := idp.sign(t, "k1", customerClaims()), other.sign(t, "o1", customerClaims())

	if code, refusal := verifyToken(t, file, good); code != exitDone || refusal != "" {
		t.Errorf("exit code %d: %s", code, refusal)
	}
	if code, refusal := verifyToken(t, file, strange); code != exitFailed || refusal != "refused: unknown_key" {
		t.Errorf("exit code %d: %s", code, refusal)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("a copy was kept: %v", err)
	}

	b := start(t, keysYAML, values)
	eventually(t, "two copies", func() bool {
		copies, err := filepath.Glob(filepath.Join(state, "*.json"))
		return err == nil && len(copies) == 2
	})
	b.stop()
	idp.fail(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the source was asked")
		w.WriteHeader(http.StatusBadGateway)
	})
	if code, refusal := verifyToken(t, file, good); code != exitDone || refusal != "" {
		t.Errorf("exit code %d: %s", code, refusal)
	}
	if code, refusal := verifyToken(t, file, strange); code != exitFailed || refusal != "cannot be verified: keys_pending" {
		t.Errorf("exit code %d: %s", code, refusal)
	}

	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if code, refusal := verifyToken(t, file, good); code != exitFailed || refusal != "cannot be verified: keys_unavailable" {
		t.Errorf("exit code %d: %s", code, refusal)
	}
}
