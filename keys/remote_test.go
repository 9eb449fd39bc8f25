package keys_test

import (
	"crypto/elliptic"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func ecJWK(kid string) string { return publicJWK(kid, "", newEC(elliptic.P256())) }

func TestRemoteWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := keys.NewRemote("idp", remoteSettings, &observer{}, slog.New(slog.DiscardHandler))
		p := &provider{delay: time.Second}
		p.publish(ecJWK("a"))
		r.SetTransport(p)
		check := func(want policy.Reason) {
			t.Helper()
			_, err := r.Candidates("", "a", "ES256", time.Now())
			if got := policy.ReasonOf(err); got != want || r.Ready() != (want == policy.ReasonNone) {
				t.Errorf("Candidates: %v, ready %v; want %v", got, r.Ready(), want)
			}
			if got := policy.ReasonOf(r.Seek(t.Context(), "a")); got != want {
				t.Errorf("Seek: %v, want %v", got, want)
			}
		}
		check(policy.KeysUnavailable)
		r.Start()
		synctest.Wait()
		check(policy.KeysUnavailable)
		if err := r.WaitFirst(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(policy.ReasonNone)
		r.Stop()
		check(policy.ReasonNone)
	})
}

func TestRefreshInterval(t *testing.T) {
	for control, want := range map[string]time.Duration{
		"":                           5 * time.Minute,
		"no-cache":                   5 * time.Minute,
		"max-age=3600":               5 * time.Minute,
		"public, Max-Age=60":         time.Minute,
		"max-age=\"60\", s-maxage=7": time.Minute,
		"public; max-age=60":         time.Minute, // on two lines
		"max-age=0":                  5 * time.Second,
		"max-age=-1":                 5 * time.Minute,
		"max-age=99999999999999":     5 * time.Minute,
	} {
		inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
			r.provider.set(func(p *provider) { p.control = strings.Split(control, "; ") })
			time.Sleep(5 * time.Minute) // the first interval is without the header
			before := len(r.provider.fetches())
			time.Sleep(time.Hour)
			all := r.provider.fetches()[before-1:]
			for i := range len(all) - 1 {
				least := max(want-want/10, 5*time.Second)
				if d := all[i+1].Sub(all[i]); d < least || d > want {
					r.Errorf("%q: fetched after %v, want %v to %v", control, d, least, want)
				}
			}
		})
	}
}

func TestFailureKeepsKeysAndBacksOff(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		before := r.key("a")
		r.provider.set(func(p *provider) { p.status = http.StatusInternalServerError })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		first := len(r.provider.fetches()) - r.observed().Failed
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		failed := r.provider.fetches()[first:]
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
			want *= time.Second
			if d := failed[i+1].Sub(failed[i]); d < want-want/10 || d > want {
				r.Errorf("retry %d after %v, want about %v", i+1, d, want)
			}
		}
		if r.key("a") != before || !before.Live() || !r.Ready() {
			r.Error("keys are lost")
		}
		r.provider.publish(ecJWK("b"))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if r.key("b") == nil || before.Live() {
			r.Error("the new keys are not in use")
		}
		if diff := cmp.Diff(observed{Loaded: []int{0, 1, 1}, Succeeded: 2, Failed: len(failed)}, r.observed()); diff != "" {
			r.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

func TestRotation(t *testing.T) {
	stays, goes, changes := ecJWK("stays"), ecJWK("goes"), ecJWK("changes")
	inBubble(t, remoteSettings, []string{stays, goes, changes}, func(r *rig) {
		old := map[string]*keys.Key{"stays": r.key("stays"), "goes": r.key("goes"), "changes": r.key("changes")}
		r.provider.publish(ecJWK("new"), ecJWK("changes"), with(stays, `"x-other":1`))
		r.wantSeek("new", policy.ReasonNone, 0)

		if r.key("stays") != old["stays"] || !old["stays"].Live() {
			r.Error("an unchanged key is another")
		}
		if r.key("goes") != nil || old["goes"].Live() {
			r.Error("a removed key is alive")
		}
		if r.key("changes") == old["changes"] || old["changes"].Live() || !r.key("changes").Live() {
			r.Error("a key with new material is the old one")
		}
		r.provider.publish(goes)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if key := r.key("goes"); key == nil || key == old["goes"] || !key.Live() || old["goes"].Live() {
			r.Error("a key that came back is the dead one")
		}
	})
}

// TestPinChange: the same material for another algorithm is another key.
func TestPinChange(t *testing.T) {
	key := newEC(elliptic.P256())
	inBubble(t, remoteSettings, []string{publicJWK("a", "", key)}, func(r *rig) {
		before := r.key("a")
		r.provider.publish(publicJWK("a", "ES256", key))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if r.key("a") == before || before.Live() {
			r.Error("the key has kept its old pin")
		}
	})
}

func TestMaxStale(t *testing.T) {
	settings := remoteSettings
	settings.MaxStale = time.Hour
	document := ecJWK("a")
	inBubble(t, settings, []string{document}, func(r *rig) {
		start, key := time.Now(), r.key("a")
		r.provider.set(func(p *provider) { p.status, p.delay = http.StatusBadGateway, 4*time.Second })
		time.Sleep(time.Until(start.Add(time.Hour - 1)))
		synctest.Wait()
		if r.key("a") != key || !key.Live() {
			r.Error("keys are dropped too soon")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if key.Live() || r.Ready() || r.key("a") != nil {
			r.Error("keys are used for too long")
		}
		r.wantSeek("a", policy.KeysUnavailable, 0)
		r.provider.publish(document)
		time.Sleep(36 * time.Second)
		synctest.Wait()
		if !r.Ready() || !r.key("a").Live() || key.Live() {
			r.Error("the source does not recover")
		}
		if diff := cmp.Diff([]int{0, 1, 0, 1}, r.observed().Loaded); diff != "" {
			r.Errorf("loaded (-want +got):\n%s", diff)
		}
	})
}

func TestGarbageKeepsKeys(t *testing.T) {
	for name, garbage := range map[string]string{
		"HTML":       "<!DOCTYPE html><title>Sign in</title>",
		"empty set":  jwkSet(),
		"empty":      "",
		"duplicates": `{"keys":[],"keys":[` + ecJWK("b") + `]}`,
		"huge":       jwkSet(ecJWK("b")) + strings.Repeat(" ", 1<<20),
		"weak":       jwkSet(publicJWK("b", "", rsa1024()), `{"kty":"oct","kid":"b","k":"AAAA"}`),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
				key := r.key("a")
				r.provider.set(func(p *provider) { p.document = garbage })
				if got, d := r.seek("b"); got != policy.KeysPending || d > time.Second {
					r.Errorf("Seek: %v after %v", got, d)
				}
				synctest.Wait()
				if got := r.observed(); r.key("a") != key || !key.Live() || got.Failed == 0 || got.Succeeded != 1 {
					r.Errorf("keys are lost; observed %+v", got)
				}
			})
		})
	}
}

func TestPanicIsAFailedRefresh(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.panics, p.document = true, "hunter2" })
		if got, d := r.seek("b"); got != policy.KeysPending || d > time.Second {
			r.Errorf("Seek: %v after %v", got, d)
		}
		r.provider.set(func(p *provider) { p.panics = false })
		r.provider.publish(ecJWK("b"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := r.observed(); r.key("b") == nil || got.Failed == 0 {
			r.Errorf("the source does not recover; observed %+v", got)
		}
		if log := r.log.String(); !strings.Contains(log, "panic while refreshing keys") || strings.Contains(log, "hunter2") {
			r.Errorf("log:\n%s", log)
		}
	})
}

func TestStopDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &observer{}
		r := keys.NewRemote("idp", remoteSettings, o, slog.New(slog.NewTextHandler(io.Discard, nil)))
		r.SetTransport(&provider{delay: 3 * time.Second})
		r.Stop() // not started: nothing to wait for
		r.Start()
		synctest.Wait()
		start := time.Now()
		r.Stop()
		r.Stop()
		if d, failed := time.Since(start), o.observed().Failed; d != 0 || failed != 0 {
			t.Errorf("stopped after %v, %d failures", d, failed)
		}
	})
}

func TestLogsOnlyChanges(t *testing.T) {
	good, bad := ecJWK("a"), `{"kty":"oct","kid":"x","k":"hunter2"}`
	inBubble(t, remoteSettings, []string{good, bad}, func(r *rig) {
		time.Sleep(time.Hour)
		r.provider.publish(good, ecJWK("b"), bad)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		log := r.log.String()
		if n := strings.Count(log, "\n"); n != 2 || strings.Contains(log, "hunter2") || strings.Contains(log, "s3cret") {
			r.Errorf("%d lines:\n%s", n, log)
		}
	})
}
