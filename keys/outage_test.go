package keys_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// A name that does not resolve is an outage like any other, and tells no secret.
func TestNameDoesNotResolve(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		key := r.key("a")
		r.provider.set(func(p *provider) {
			p.failure = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "idp.example.com", IsNotFound: true}}
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.key("a") != key || !key.Live() || r.observed().Failed == 0 {
			t.Errorf("keys are lost; observed %+v", r.observed())
		}
		log := r.log.String()
		if !strings.Contains(log, `"cause":"dial tcp: lookup idp.example.com: no such host"`) || strings.Contains(log, "s3cret") {
			t.Errorf("log:\n%s", log)
		}
		r.provider.set(func(p *provider) { p.failure = nil })
		r.provider.publish(ecJWK("b"))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if r.key("b") == nil {
			t.Error("the source does not recover")
		}
	})
}

// Keys that get too old while a fetch hangs are not used until it has ended.
func TestMaxStaleDuringAFetch(t *testing.T) {
	settings := remoteSettings
	settings.MaxStale, settings.Timeout = time.Hour, 24*time.Hour
	inBubble(t, settings, []string{ecJWK("a")}, func(r *rig) {
		key := r.key("a")
		r.provider.set(func(p *provider) { p.delay = 12 * time.Hour })
		time.Sleep(time.Hour - 1)
		synctest.Wait()
		if len(r.provider.fetches()) != 2 || r.key("a") != key {
			t.Error("no fetch is under way, or keys are dropped too soon")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if r.Ready() || key.Live() {
			t.Error("keys are used for too long")
		}
		r.wantSeek("a", policy.KeysUnavailable, 0)
		time.Sleep(11*time.Hour + 30*time.Minute)
		synctest.Wait()
		if r.key("a") == nil || r.key("a") == key {
			t.Error("the source does not recover")
		}
	})
}

// Whatever happens to one source, another is fetched when it is due, its tokens
// are verified, and its unknown kids have their own budget.
func TestSourcesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sick, well := newRig(t, remoteSettings, &provider{}), newRig(t, remoteSettings, &provider{})
		for _, r := range []*rig{sick, well} {
			r.provider.publish(ecJWK("a"))
			r.start()
			defer r.Stop()
		}
		sick.provider.set(func(p *provider) { p.status, p.delay = http.StatusBadGateway, 5*time.Second })
		for i := range 100 {
			go func() { sick.seek(fmt.Sprint(i)) }()
		}
		well.wantSeek("x", policy.UnknownKey, 0)
		well.provider.publish(ecJWK("b"))
		well.wantSeek("b", policy.ReasonNone, 0)
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if sick.Ready() || well.key("b") == nil {
			t.Errorf("ready: the sick one %v, the other one %v", sick.Ready(), well.Ready())
		}
		got := well.observed()
		if got.Succeeded < 25*12 || got.Failed != 0 || got.Unknown != 2 {
			t.Errorf("observed %+v", got)
		}
		if diff := cmp.Diff([]int{0, 1, 0}, sick.observed().Loaded); diff != "" {
			t.Errorf("loaded by the sick one (-want +got):\n%s", diff)
		}
	})
}
