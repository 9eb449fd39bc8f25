package keys_test

import (
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
		time.Sleep(time.Nanosecond)
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
			r.start()
			defer r.Stop()
			if len(r.observed().Restored) != 1 || r.key("b") == nil {
				t.Errorf("not restored, or not refreshed:\n%s", r.log)
			}
		})
	})
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
		if log := r.log.String(); strings.Count(log, "keeping the last good copy failed") != 1 {
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
