package keys_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/keys"
	"postern/policy"
)

func TestUnknownKid(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.wantSeek("x", policy.UnknownKey, 0)
		r.wantFetches(2)
		// What a fetch has proved is not asked again,
		time.Sleep(4*time.Second - time.Nanosecond)
		r.wantSeek("x", policy.UnknownKey, 0)
		r.wantFetches(2)
		// for a while,
		time.Sleep(time.Nanosecond)
		r.wantSeek("x", policy.UnknownKey, 0)
		r.wantFetches(3)
		// or until another fetch has succeeded.
		r.wantSeek("y", policy.UnknownKey, 0)
		r.wantFetches(4)
		r.wantSeek("x", policy.KeysPending, 0)
		if got := r.observed().Unknown; got != 5 {
			r.Errorf("%d unknown kids counted", got)
		}
	})
}

func TestNobodyElseWaits(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.delay = 3 * time.Second })
		var first sync.WaitGroup
		first.Go(func() { r.wantSeek("x", policy.KeysPending, time.Second) })
		synctest.Wait()
		r.wantSeek("x", policy.KeysPending, 0)
		first.Wait()
		r.wantSeek("x", policy.KeysPending, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.wantSeek("x", policy.UnknownKey, 0)
		r.wantFetches(2)
	})
}

// TestFetchUnderWayProvesNothing: the kid may have been published after it began.
func TestFetchUnderWayProvesNothing(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.delay = 400 * time.Millisecond })
		var seeking sync.WaitGroup
		seeking.Go(func() { r.wantSeek("x", policy.UnknownKey, 400*time.Millisecond) })
		time.Sleep(100 * time.Millisecond)
		r.provider.publish(ecJWK("a"), ecJWK("y"))
		seeking.Go(func() { r.wantSeek("y", policy.ReasonNone, 700*time.Millisecond) })
		seeking.Go(func() { r.wantSeek("z", policy.UnknownKey, 700*time.Millisecond) })
		seeking.Wait()
		r.wantFetches(3)
	})
}

func TestBurst(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		start := time.Now()
		for _, kid := range []string{"b", "c", "d"} {
			r.wantSeek(kid, policy.UnknownKey, 0)
		}
		r.wantSeek("e", policy.KeysPending, 0) // no fetch can begin soon
		r.wantSeek("f", policy.KeysPending, 0) // shares the next
		r.wantFetches(4)
		time.Sleep(4 * time.Second)
		r.wantSeek("g", policy.KeysPending, 0) // the next fetch begins when it should end
		time.Sleep(time.Second / 2)
		r.wantSeek("h", policy.UnknownKey, time.Second/2)
		r.wantSeek("g", policy.UnknownKey, 0)
		r.wantSeek("e", policy.UnknownKey, 0)
		r.wantFetches(5)
		if got := r.provider.fetches()[4].Sub(start); got != 5*time.Second {
			r.Errorf("the next fetch began after %v", got)
		}
	})
}

// TestFailureProvesNothing: an outage of ours is never the customer's fault.
func TestFailureProvesNothing(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.status = http.StatusServiceUnavailable })
		// Its request waits for the first retry, too.
		if got, d := r.seek("x"); got != policy.KeysPending || d > time.Second {
			r.Errorf("Seek: %v after %v", got, d)
		}
		time.Sleep(time.Minute)
		r.wantSeek("x", policy.KeysPending, 0)
		r.provider.publish(ecJWK("x"))
		time.Sleep(30 * time.Second)
		r.wantSeek("x", policy.ReasonNone, 0)
	})
}

// A provider that takes its time still proves that a kid is unknown.
func TestSlowProof(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.delay = 4500 * time.Millisecond })
		r.wantSeek("x", policy.KeysPending, time.Second)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		r.wantSeek("x", policy.UnknownKey, 0)
	})
}

func TestClientGoesAway(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.delay = 500 * time.Millisecond })
		ctx, cancel := context.WithCancel(r.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		start := time.Now()
		err := r.Seek(ctx, "x")
		if d := time.Since(start); d != 100*time.Millisecond || policy.ReasonOf(err) != policy.ClientClosed || !errors.Is(err, context.Canceled) {
			r.Errorf("Seek: %v after %v", err, d)
		}
	})
}

func TestWaitersAreBounded(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		r.provider.set(func(p *provider) { p.delay = 2 * time.Second })
		var (
			mu      sync.Mutex
			waited  int
			seeking sync.WaitGroup
		)
		for i := range 200 {
			seeking.Go(func() {
				reason, d := r.seek(fmt.Sprint(i))
				if reason != policy.KeysPending || (d != 0 && d != time.Second) {
					r.Errorf("Seek: %v after %v", reason, d)
				}
				mu.Lock()
				defer mu.Unlock()
				if d > 0 {
					waited++
				}
			})
		}
		seeking.Wait()
		if waited != 64 {
			r.Errorf("%d requests waited", waited)
		}
		// They left: others may wait again.
		time.Sleep(2 * time.Second)
		r.wantSeek("late", policy.KeysPending, time.Second)
	})
}

// TestFlood invents kids without end. Memory and fetches stay bounded, known
// keys are served, and a rotation is seen within 5 s.
func TestFlood(t *testing.T) {
	inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
		start := time.Now()
		stop := make(chan struct{})
		var flood sync.WaitGroup
		flood.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				for j := range 4 {
					// In goroutines, since the first of them wait.
					flood.Go(func() {
						kid := fmt.Sprintf("%d-%d-%s", i, j, strings.Repeat("x", 100))
						if got, _ := r.seek(kid); got != policy.KeysPending && got != policy.UnknownKey {
							r.Errorf("an invented kid: %v", got)
						}
					})
				}
			}
		})
		for range 3 {
			time.Sleep(3 * time.Second)
			if n := r.Sightings(); n > keys.MaxSightings {
				r.Errorf("%d kids are remembered", n)
			}
			if !r.accepted("a") {
				r.Error("a known key is refused")
			}
			kid := fmt.Sprintf("new-%d", len(r.provider.fetches()))
			r.provider.publish(ecJWK("a"), ecJWK(kid))
			if d := r.untilAccepted(kid); d > 5*time.Second+poll {
				r.Errorf("the new key is accepted after %v", d)
			}
		}
		close(stop)
		flood.Wait()
		if got, most := len(r.provider.fetches()), 1+3+int(time.Since(start)/(5*time.Second)); got > most {
			r.Errorf("%d fetches, want %d at most", got, most)
		}
	})
}

// TestPlantedKid sends a kid before its key is published, so that a fetch has
// proved it unknown when the key comes into use.
func TestPlantedKid(t *testing.T) {
	for name, drained := range map[string]bool{"quiet": false, "burst used up": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, remoteSettings, []string{ecJWK("a")}, func(r *rig) {
				if drained {
					r.wantSeek("b", policy.UnknownKey, 0)
					r.wantSeek("c", policy.UnknownKey, 0)
				}
				r.wantSeek("planted", policy.UnknownKey, 0)
				r.provider.publish(ecJWK("planted"))
				if d := r.untilAccepted("planted"); d > 5*time.Second {
					r.Errorf("the new key is accepted after %v", d)
				}
			})
		})
	}
}

// FuzzRotation holds that whatever kids clients send and whenever, a key is
// accepted within 5 s of its publication.
func FuzzRotation(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 200, 1, 50, 4, 255, 1}, uint16(3000))
	f.Add([]byte{1, 1, 1, 1, 1, 255, 255, 255, 255, 1}, uint16(0))
	published := []string{ecJWK("a")}
	rotated := []string{ecJWK("a"), ecJWK("1")}
	f.Fuzz(func(t *testing.T, kids []byte, at uint16) {
		inBubble(t, remoteSettings, published, func(r *rig) {
			var traffic sync.WaitGroup
			traffic.Go(func() {
				time.Sleep(time.Duration(at) * time.Millisecond)
				r.provider.publish(rotated...)
				if d := r.untilAccepted("1"); d > 5*time.Second+poll {
					r.Errorf("accepted after %v", d)
				}
			})
			for _, b := range kids {
				time.Sleep(time.Duration(b) * 4 * time.Millisecond)
				traffic.Go(func() {
					kid := fmt.Sprint(b % 8)
					got, d := r.seek(kid)
					if d > time.Second || (got == policy.ReasonNone) != (r.key(kid) != nil) {
						r.Errorf("Seek(%q) = %v after %v", kid, got, d)
					}
				})
			}
			traffic.Wait()
		})
	})
}
