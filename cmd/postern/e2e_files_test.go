package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// filesYAML reads something from every kind of file.
const filesYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0", ${ADMIN} }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  app: { type: token, scheme: Token, tokens_file: tokens.yaml }
  widget: { type: jwt, scheme: JWT, keys: { secrets: [{ id: now, value: { file: secret } }], max_stale: ${STALE} }, algorithms: [HS256] }
  tenant: { type: jwt, scheme: Ring, keys: { keyring_file: ring.json, select: path.tenant }, algorithms: [HS256] }
routes:
  - { name: "${NAME}", match: /app, upstream: data, authenticate: [app] }
  - { match: /widget, upstream: data, authenticate: [widget] }
  - { match: "/tenant/{tenant}", upstream: data, authenticate: [tenant] }
`

const (
	firstSecret  = "the-first-secret-of-thirty-two-bytes"
	secondSecret = "the-second-secret-of-thirty-two-bytes"
)

// folder is a Postern and the folder of its configuration.
type folder struct {
	*testbed
	dir    string
	values map[string]string
}

func newFolder(t *testing.T) *folder {
	data := newSpy(t, nil)
	f := &folder{dir: t.TempDir(), values: map[string]string{"DATA": data.URL, "NAME": "app", "STALE": "24h", "ADMIN": "token: { file: admin }"}}
	f.write(t, "admin", "first-admin")
	f.write(t, "tokens.yaml", "- { id: a, value: first-token }\n")
	f.write(t, "secret", firstSecret+"\n")
	f.write(t, "ring.json", `{"acme":[{"id":"1","value":"`+firstSecret+`"}]}`)
	return f
}

func (f *folder) start(t *testing.T) {
	t.Helper()
	file := filepath.Join(f.dir, "postern.yaml")
	writeConfig(t, file, filesYAML, f.values)
	f.testbed = startFile(t, file)
}

func (f *folder) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func shared(t testing.TB, scheme, secret string) string {
	t.Helper()
	return "Authorization: " + scheme + " " + signed(t, jwt.SigningMethodHS256, "", []byte(secret), jwt.MapClaims{"exp": fromNow(time.Hour)})
}

// expect sends a request, and wants the reason of its refusal, "" for none.
func (b *testbed) expect(t testing.TB, reason, target, field string) {
	t.Helper()
	if got := b.send(http.MethodGet, target, field); got.header.Get("Postern-Reason") != reason || reason == "" && got.status != http.StatusOK {
		t.Errorf("%s: %+v, want %q", target, got, reason)
	}
}

// Each file is picked up by itself, and what it no longer holds is refused from
// then on, though the cache knew it.
func TestFilesAreWatched(t *testing.T) {
	f := newFolder(t)
	f.start(t)
	first, second := shared(t, "JWT", firstSecret), shared(t, "JWT", secondSecret)
	ring1, ring2 := shared(t, "Ring", firstSecret), shared(t, "Ring", secondSecret)
	for range 2 { // the second time from the cache
		f.expect(t, "", "/app", "Authorization: Token first-token")
		f.expect(t, "", "/widget", first)
		f.expect(t, "", "/tenant/acme", ring1)
	}
	reloaded := func() { f.log.next(t, "configuration reloaded") }

	f.write(t, "tokens.yaml", "- { id: a, value: second-token }\n")
	reloaded()
	f.expect(t, "unknown_token", "/app", "Authorization: Token first-token")
	f.expect(t, "", "/app", "Authorization: Token second-token")
	f.expect(t, "", "/widget", first)

	f.write(t, "secret", secondSecret)
	reloaded()
	f.expect(t, "bad_signature", "/widget", first)
	f.expect(t, "", "/widget", second)
	f.expect(t, "", "/tenant/acme", ring1)

	f.write(t, "ring.json", `{"acme":[{"id":"1","value":"`+secondSecret+`"}],"other":[]}`)
	reloaded()
	f.expect(t, "bad_signature", "/tenant/acme", ring1)
	f.expect(t, "", "/tenant/acme", ring2)
	f.expect(t, "bad_signature", "/tenant/other", ring2)

	f.write(t, "admin", "second-admin")
	reloaded()
	for token, status := range map[string]int{"first-admin": 401, "second-admin": 200} {
		if got := f.operate(f.admin, http.MethodGet, "/healthz", "Authorization: Bearer "+token); got.status != status {
			t.Errorf("%s: %+v", token, got)
		}
	}

	f.values["NAME"] = "renamed"
	f.configure(filesYAML, f.values)
	reloaded()
	f.expect(t, "", "/app", "Authorization: Token second-token")

	// Empty lists are lists.
	f.write(t, "tokens.yaml", "[]\n")
	reloaded()
	f.expect(t, "unknown_token", "/app", "Authorization: Token second-token")
	f.write(t, "ring.json", "{}\n")
	reloaded()
	f.expect(t, "unknown_key", "/tenant/acme", ring2)
}

// Kubernetes swaps a symbolic link to the folder of all files at once.
func TestSymlinkSwap(t *testing.T) {
	f := newFolder(t)
	mount := f.dir
	publish := func(version, token, name string) {
		f.dir = filepath.Join(mount, version)
		if err := os.Mkdir(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"admin", "secret", "ring.json"} {
			data, err := os.ReadFile(filepath.Join(mount, "initial", file))
			if err != nil {
				t.Fatal(err)
			}
			f.write(t, file, string(data))
		}
		f.write(t, "tokens.yaml", "- { id: a, value: "+token+" }\n")
		f.values["NAME"] = name
		writeConfig(t, filepath.Join(f.dir, "postern.yaml"), filesYAML, f.values)
		if err := os.Symlink(version, filepath.Join(mount, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(mount, "..tmp"), filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(mount, "initial"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"admin", "secret", "ring.json", "tokens.yaml"} {
		if err := os.Rename(filepath.Join(mount, file), filepath.Join(mount, "initial", file)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("..data/"+file, filepath.Join(mount, file)); err != nil {
			t.Fatal(err)
		}
	}
	publish("..1", "first-token", "app")
	if err := os.Symlink("..data/postern.yaml", filepath.Join(mount, "postern.yaml")); err != nil {
		t.Fatal(err)
	}
	f.testbed = startFile(t, filepath.Join(mount, "postern.yaml"))
	f.expect(t, "", "/app", "Authorization: Token first-token")
	publish("..2", "second-token", "swapped")
	if err := os.RemoveAll(filepath.Join(mount, "..1")); err != nil {
		t.Fatal(err)
	}
	f.log.next(t, "configuration reloaded")
	f.expect(t, "unknown_token", "/app", "Authorization: Token first-token")
	f.expect(t, "", "/app", "Authorization: Token second-token")
	if got := f.log.next(t, "request"); got["route"] != "app" {
		t.Errorf("logged %v", got)
	}
}

// What came from a file that stays bad verifies until max_stale has passed, and
// is then an outage of ours until the file is good again.
func TestBadFileGetsStale(t *testing.T) {
	for fault, spoil := range map[string]func(*testing.T, string){
		"gone": func(t *testing.T, secret string) {
			if err := os.Remove(secret); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, secret string) {
			if err := os.Truncate(secret, 0); err != nil {
				t.Fatal(err)
			}
		},
		"too short": func(t *testing.T, secret string) {
			if err := os.Truncate(secret, 8); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(fault, func(t *testing.T) {
			f := newFolder(t)
			f.values["STALE"] = "1s"
			f.start(t)
			token := shared(t, "JWT", firstSecret)
			f.expect(t, "", "/widget", token)
			spoil(t, filepath.Join(f.dir, "secret"))
			refused := f.log.next(t, "reload refused, the running configuration stays")
			if reason, _ := refused["error"].(string); refused["level"] != "ERROR" || !strings.Contains(reason, "postern.yaml:7:") {
				t.Errorf("logged %v", refused)
			}
			stale := f.log.next(t, "file unusable for too long: nothing that came from it verifies any more")
			if stale["level"] != "ERROR" || stale["source"] != "secret" {
				t.Errorf("logged %v", stale)
			}
			f.expect(t, "keys_unavailable", "/widget", token)
			f.expect(t, "keys_unavailable", "/widget", shared(t, "JWT", secondSecret))
			f.expect(t, "", "/app", "Authorization: Token first-token")
			f.expect(t, "", "/tenant/acme", shared(t, "Ring", firstSecret))

			f.write(t, "secret", firstSecret)
			f.log.next(t, "configuration reloaded")
			f.expect(t, "", "/widget", token)
		})
	}
}

// The series of a file says when it was last good, under its configured name.
func TestFileMetric(t *testing.T) {
	f := newFolder(t)
	f.values["ADMIN"] = ""
	f.start(t)
	f.write(t, "tokens.yaml", "- { id: a }\n")
	f.log.next(t, "reload refused, the running configuration stays")
	const family = "file_last_success_timestamp_seconds"
	before := f.metrics(family)
	want := map[string]bool{}
	for _, source := range []string{"config", "secret", "ring.json", "tokens.yaml"} {
		want[family+`{source="`+source+`"}`] = source != "tokens.yaml"
	}
	eventually(t, "a look at the good files", func() bool {
		grew := map[string]bool{}
		for name, value := range f.metrics(family) {
			grew[name] = value > before[name]
		}
		return cmp.Equal(want, grew)
	})
}
