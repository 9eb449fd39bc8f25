package keys_test

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

// kept returns settings whose copies are kept in a folder of the test, which is
// not there yet.
func kept(t *testing.T) keys.RemoteSettings {
	s := remoteSettings
	s.StateDir = filepath.Join(t.TempDir(), "state")
	return s
}

// down is a provider that nobody reaches.
func down() *provider { return &provider{status: http.StatusServiceUnavailable} }

// copyFile returns the only file of the folder of copies.
func copyFile(t *testing.T, s keys.RemoteSettings) string {
	t.Helper()
	names := must(filepath.Glob(filepath.Join(s.StateDir, "*")))
	if len(names) != 1 {
		t.Fatalf("files %q", names)
	}
	return names[0]
}

func TestRestartDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := kept(t)
		up := &provider{}
		up.publish(ecJWK("a"), ecJWK("b"), ecJWK("b"))
		before := newRig(t, settings, up)
		before.start()
		fetched := time.Now().UTC()
		before.Stop()
		if diff := cmp.Diff(observed{Loaded: []int{0, 3}, Succeeded: 1, Kept: 1}, before.observed()); diff != "" {
			t.Errorf("observed before (-want +got):\n%s", diff)
		}
		time.Sleep(23 * time.Hour)

		r := newRig(t, settings, down())
		r.Start()
		defer r.Stop()
		// Before any fetch has ended:
		if !r.Ready() || r.key("a") == nil {
			t.Fatalf("no keys after the restart:\n%s", r.log)
		}
		if err := r.WaitFirst(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := r.seek("new"); got != policy.KeysPending {
			t.Errorf("Seek: %v", got)
		}
		key := r.key("a")
		time.Sleep(time.Until(fetched.Add(24*time.Hour - 1)))
		synctest.Wait()
		if r.key("a") != key || !key.Live() {
			t.Error("keys are dropped too soon")
		}
		time.Sleep(1)
		synctest.Wait()
		if r.Ready() || key.Live() {
			t.Error("a restart makes keys younger")
		}
		r.provider.publish(ecJWK("new"))
		time.Sleep(time.Minute)
		synctest.Wait()
		got := r.observed()
		got.Failed = 0
		if diff := cmp.Diff(observed{Loaded: []int{3, 0, 1}, Succeeded: 1, Unknown: 1, Restored: []time.Time{fetched}, Kept: 1}, got); diff != "" || r.key("new") == nil {
			t.Errorf("observed after (-want +got):\n%s", diff)
		}
	})
}

// What is restored is the same for certificates, and for a provider that is
// discovered, whose keys are then fetched although its document cannot be.
func TestRestartOfOtherForms(t *testing.T) {
	t.Run("certificates", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			settings := kept(t)
			settings.Form = keys.Certificates
			day := time.Now().Add(24 * time.Hour)
			before := newRig(t, settings, &provider{document: certificateMap(map[string]any{"a": certify(p256(), time.Now(), day, 0)})})
			before.start()
			before.Stop()
			r := newRig(t, settings, down())
			r.start()
			defer r.Stop()
			if key := r.key("a"); key == nil || !key.NotAfter.Equal(day.Add(1)) {
				t.Errorf("key %v\n%s", key, r.log)
			}
		})
	})
	t.Run("discovery", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			settings := discoverySettings
			settings.StateDir = kept(t).StateDir
			s := &site{pages: map[string]string{documentURL: providerDocument(issuerURL, keysURL), keysURL: jwkSet(ecJWK("a"))}}
			before := newRig(t, settings, s)
			before.start()
			before.Stop()
			s.put(documentURL, "<html>")
			s.put(keysURL, jwkSet(ecJWK("b")))
			r := newRig(t, settings, s)
			r.Start()
			defer r.Stop()
			if r.key("a") == nil {
				t.Errorf("not restored:\n%s", r.log)
			}
			if err := r.WaitFirst(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r.key("b") == nil {
				t.Errorf("not refreshed:\n%s", r.log)
			}
		})
	})
}

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

// Another source, and the same one of another URL, has a copy of its own.
func TestCopiesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := kept(t)
		before := newRig(t, settings, &provider{document: jwkSet(ecJWK("a"))})
		before.start()
		before.Stop()
		for name, change := range map[string]func(*keys.Location){
			"URL":    func(l *keys.Location) { l.URL += "&b" },
			"form":   func(l *keys.Location) { l.Form = keys.Discovery },
			"issuer": func(l *keys.Location) { l.Issuer = "b" },
		} {
			other := settings
			change(&other.Location)
			r := newRig(t, other, down())
			r.start()
			r.Stop()
			if r.Ready() || strings.Contains(r.log.String(), "copy") {
				t.Errorf("%s: ready %v\n%s", name, r.Ready(), r.log)
			}
		}
	})
}

// A folder that cannot be written to is told, and harms no request.
func TestCopyCannotBeKept(t *testing.T) {
	full := "/dev/full/state" // neither a folder nor able to hold one
	synctest.Test(t, func(t *testing.T) {
		settings := kept(t)
		settings.StateDir = full
		r := newRig(t, settings, &provider{document: jwkSet(ecJWK("a"))})
		r.start()
		defer r.Stop()
		if r.key("a") == nil || !r.accepted("a") {
			t.Error("a key is refused")
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got := r.observed()
		if diff := cmp.Diff(observed{Loaded: []int{0, 1, 1}, Succeeded: 2, NotKept: 2}, got); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
		if log := r.log.String(); strings.Count(log, "keeping the last good copy failed") != 2 {
			t.Errorf("log:\n%s", log)
		}
	})
}

// What a process that was killed had begun to write is removed, and what another
// one is writing now is not.
func TestLeftovers(t *testing.T) {
	settings := kept(t)
	run := func() {
		r := keys.NewRemote("idp", settings, &observer{}, slog.New(slog.DiscardHandler))
		r.SetTransport(&provider{document: jwkSet(ecJWK("a"))})
		r.Start()
		defer r.Stop()
		check(t, r.WaitFirst(t.Context()))
	}
	run()
	file := copyFile(t, settings)
	old, young := file+".OLD", file+".YOUNG"
	for _, leftover := range []string{old, young} {
		check(t, os.WriteFile(leftover, nil, 0o600))
	}
	check(t, os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Minute)))
	run()
	got := must(filepath.Glob(filepath.Join(settings.StateDir, "*")))
	if diff := cmp.Diff([]string{file, young}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// FuzzCopy holds that no copy, whatever is in it, harms the process, and that
// none without the right source and URL has any keys.
func FuzzCopy(f *testing.F) {
	good := jwkSet(ecJWK("a"))
	f.Add([]byte(`{"source":"idp","form":"jwks","url":"https://idp.example.com/jwks?token=s3cret","fetched":"2000-01-01T00:00:00Z","document":` + good + `}`))
	f.Add([]byte(`{"source":"idp"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			settings := kept(t)
			check(t, os.Mkdir(settings.StateDir, 0o700))
			check(t, os.WriteFile(filepath.Join(settings.StateDir, keys.StateName("idp", settings.Location)), data, 0o600))
			r := newRig(t, settings, down())
			r.start()
			defer r.Stop()
			if r.Ready() && !(strings.Contains(string(data), "idp") && strings.Contains(string(data), "example")) {
				t.Errorf("keys from %q", data)
			}
		})
	})
}
