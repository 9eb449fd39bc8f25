package keys_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCopyOnDisk(t *testing.T) {
	settings := kept(t)
	document := jwkSet(ecJWK("a"))
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, settings, &provider{document: document})
		r.start()
		r.Stop()
	})
	file := copyFile(t, settings)
	var got map[string]any
	if err := json.Unmarshal(must(os.ReadFile(file)), &got); err != nil {
		t.Fatal(err)
	}
	var set any
	if err := json.Unmarshal([]byte(document), &set); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"source": "idp", "form": "jwks", "url": settings.URL, "fetched": "2000-01-01T00:00:00Z", "document": set,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copy (-want +got):\n%s", diff)
	}
	for path, want := range map[string]fs.FileMode{file: 0o600, settings.StateDir: fs.ModeDir | 0o700} {
		if got := must(os.Stat(path)).Mode(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

// A copy that somebody else could have made, that is of something else, or that
// is too old verifies nothing, and is replaced by the next good one.
func TestBadCopies(t *testing.T) {
	edit := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, file string) {
			before := string(must(os.ReadFile(file)))
			after := strings.Replace(before, from, to, 1)
			if after == before {
				t.Fatalf("%s is not in %s", from, before)
			}
			if err := os.WriteFile(file, []byte(after), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	content := func(text string) func(*testing.T, string) {
		return func(t *testing.T, file string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, file string)
		cause string
	}{
		"untouched":         {func(*testing.T, string) {}, ""},
		"missing":           {func(t *testing.T, file string) { check(t, os.Remove(file)) }, "none"},
		"empty":             {content(""), "not JSON: unexpected EOF at byte 0"},
		"garbage":           {content("garbage"), "not JSON: invalid character 'g' at start of value at byte 0"},
		"null":              {content("null"), "it is of another source"},
		"cut short":         {func(t *testing.T, file string) { check(t, os.Truncate(file, 200)) }, "not JSON: unexpected EOF at byte 200"},
		"too large":         {func(t *testing.T, file string) { check(t, os.Truncate(file, 2<<20)) }, "is too large"},
		"another source":    {edit(`"source":"idp"`, `"source":"other"`), "it is of another source"},
		"another URL":       {edit(`idp.example.com`, `evil.example.com`), "it is of another source"},
		"another form":      {edit(`"form":"jwks"`, `"form":"x509"`), "it is of another source"},
		"another issuer":    {edit(`"form":"jwks"`, `"form":"jwks","issuer":"x"`), "it is of another source"},
		"no time":           {edit(`"fetched":"2000-01-01T00:00:00Z",`, ``), "it is older than max_stale (24h0m0s)"},
		"too old":           {edit(`2000-01-01T00:00:00Z`, `1999-12-31T00:00:00Z`), "it is older than max_stale (24h0m0s)"},
		"just young enough": {edit(`2000-01-01T00:00:00Z`, `1999-12-31T00:00:00.000000001Z`), ""},
		"from the future":   {edit(`2000-01-01T00:00:00Z`, `2000-01-01T00:00:00.000000001Z`), "it is from the future: its age is not known"},
		"from far ahead":    {edit(`2000-01-01T00:00:00Z`, `9999-01-01T00:00:00Z`), "it is from the future: its age is not known"},
		"time twice":        {edit(`"fetched"`, `"fetched":"2000-01-01T00:00:00Z","fetched"`), "not JSON: duplicate object member name at byte"},
		"empty set":         {edit(`"document":{"keys":[`, `"document":{"keys":[],"x":[`), "a set without keys"},
		"weak keys":         {edit(`"kty":"EC"`, `"kty":"oct"`), "no usable key: keys[0]: kty is none of RSA, EC and OKP"},
		"readable by a group": {func(t *testing.T, file string) {
			check(t, os.Chmod(file, 0o640))
		}, "can be written by others, or read where that is not needed"},
		"writable by all": {func(t *testing.T, file string) {
			check(t, os.Chmod(file, 0o602))
		}, "can be written by others, or read where that is not needed"},
		"another owner": {func(t *testing.T, file string) {
			giveAway(t, file)
		}, "belongs to another user"},
		"folder of another owner": {func(t *testing.T, file string) {
			giveAway(t, filepath.Dir(file))
		}, "/state belongs to another user"},
		"a symbolic link": {func(t *testing.T, file string) {
			elsewhere := filepath.Join(t.TempDir(), "copy")
			check(t, os.Rename(file, elsewhere))
			check(t, os.Symlink(elsewhere, file))
		}, "is a symbolic link"},
		"a symbolic link within": {func(t *testing.T, file string) {
			check(t, os.Rename(file, file+"2"))
			check(t, os.Symlink(filepath.Base(file)+"2", file))
		}, "is a symbolic link"},
		"a folder": {func(t *testing.T, file string) {
			check(t, os.Remove(file))
			check(t, os.Mkdir(file, 0o700))
		}, "is not a regular file"},
		"folder writable by a group": {func(t *testing.T, file string) {
			check(t, os.Chmod(filepath.Dir(file), 0o770))
		}, "/state can be written by others, or read where that is not needed"},
		"folder writable by all": {func(t *testing.T, file string) {
			check(t, os.Chmod(filepath.Dir(file), 0o707))
		}, "/state can be written by others, or read where that is not needed"},
		"folder behind a link": {func(t *testing.T, file string) {
			check(t, os.Rename(filepath.Dir(file), filepath.Dir(file)+"2"))
			check(t, os.Symlink(filepath.Dir(file)+"2", filepath.Dir(file)))
		}, "/state is a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := kept(t)
				before := newRig(t, settings, &provider{document: jwkSet(ecJWK("a"))})
				before.start()
				before.Stop()
				test.spoil(t, copyFile(t, settings))
				r := newRig(t, settings, down())
				r.start()
				defer r.Stop()
				log := r.log.String()
				if r.Ready() != (test.cause == "") {
					t.Errorf("ready %v", r.Ready())
				}
				if ignored := strings.Contains(log, "the last good copy is ignored"); ignored != (test.cause != "" && test.cause != "none") ||
					ignored && !strings.Contains(log, test.cause) {
					t.Errorf("want the cause %q in the log:\n%s", test.cause, log)
				}
				if strings.Contains(log, "s3cret") {
					t.Errorf("the query is logged:\n%s", log)
				}
				r.provider.publish(ecJWK("b"))
				time.Sleep(time.Minute)
				synctest.Wait()
				if r.key("b") == nil {
					t.Error("the source does not recover")
				}
				if left := must(filepath.Glob(filepath.Join(settings.StateDir, "*.json.*"))); left != nil {
					t.Errorf("left behind: %q", left)
				}
			})
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// giveAway makes a file somebody else's, which only root may.
func giveAway(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	check(t, os.Lchown(path, 65534, -1))
}
