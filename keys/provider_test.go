package keys_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/keys"
	"postern/policy"
)

// provider is an identity provider without a network, so that a test can hold
// its clock.
type provider struct {
	mu       sync.Mutex
	document string
	status   int // 200 where it is 0
	control  []string
	failure  error // of the connection
	delay    time.Duration
	panics   bool
	fetched  []time.Time
}

func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *provider) publish(jwks ...string) {
	p.set(func(p *provider) { p.document, p.status = jwkSet(jwks...), http.StatusOK })
}

func (p *provider) fetches() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetched
}

// RoundTrip answers with what is published when the request begins.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	document, status, control, delay, panics, failure := p.document, p.status, p.control, p.delay, p.panics, p.failure
	p.fetched = append(p.fetched, time.Now())
	p.mu.Unlock()
	if panics {
		panic(document)
	}
	if failure != nil {
		return nil, failure
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: max(status, http.StatusOK),
		Header:     http.Header{"Cache-Control": control},
		Body:       io.NopCloser(strings.NewReader(document)),
		Request:    r,
	}, nil
}

// observer counts what it is told.
type observer struct {
	mu     sync.Mutex
	counts observed
}

type observed struct {
	Loaded                     []int
	Succeeded, Failed, Unknown int
	Restored                   []time.Time
	Kept, NotKept              int
}

func (o *observer) KeysLoaded(_ string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts.Loaded = append(o.counts.Loaded, n)
}

func (o *observer) KeysRefreshed(_ string, ok bool, _ time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok {
		o.counts.Succeeded++
	} else {
		o.counts.Failed++
	}
}

func (o *observer) KeysRestored(_ string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts.Restored = append(o.counts.Restored, at.UTC())
}

func (o *observer) KeysKept(_ string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok {
		o.counts.Kept++
	} else {
		o.counts.NotKept++
	}
}

func (o *observer) UnknownKid(string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts.Unknown++
}

func (o *observer) observed() observed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}

// lockedBuffer is a log that a test reads while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var remoteSettings = keys.RemoteSettings{
	Location: keys.Location{Form: keys.JWKSet, URL: "https://idp.example.com/jwks?token=s3cret"},
	Refresh:  5 * time.Minute,
	Timeout:  5 * time.Second,
	MaxBytes: 1 << 20,
	MaxStale: 24 * time.Hour,
}

// rig is a started source in a bubble of its own clock.
type rig struct {
	*testing.T
	*keys.Remote
	provider *provider
	*observer
	log *lockedBuffer
}

// inBubble runs a test on a source that has fetched what is published. The
// bubble fails a test that leaves a goroutine behind.
func inBubble(t *testing.T, s keys.RemoteSettings, published []string, test func(*rig)) {
	t.Helper()
	p := &provider{}
	p.publish(published...)
	inBubbleWith(t, s, p, test)
}

// inBubbleWith is inBubble for a source that any transport answers.
func inBubbleWith(t *testing.T, s keys.RemoteSettings, transport http.RoundTripper, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, s, transport)
		r.start()
		defer r.Stop()
		test(r)
	})
}

// newRig makes a source that has not been started.
func newRig(t *testing.T, s keys.RemoteSettings, transport http.RoundTripper) *rig {
	r := &rig{T: t, observer: &observer{}, log: &lockedBuffer{}}
	r.provider, _ = transport.(*provider)
	r.Remote = keys.NewRemote("idp", s, r.observer, slog.New(slog.NewJSONHandler(r.log, nil)))
	r.SetTransport(transport)
	return r
}

// start starts the source and waits for its first fetch.
func (r *rig) start() {
	r.Helper()
	r.Start()
	if err := r.WaitFirst(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// seek returns the reason of Seek, and how long it took.
func (r *rig) seek(kid string) (policy.Reason, time.Duration) {
	start := time.Now()
	err := r.Seek(r.Context(), kid)
	return policy.ReasonOf(err), time.Since(start)
}

func (r *rig) wantSeek(kid string, want policy.Reason, took time.Duration) {
	r.Helper()
	if got, d := r.seek(kid); got != want || d != took {
		r.Errorf("Seek(%q) = %v after %v, want %v after %v", kid, got, d, want, took)
	}
}

// key returns the only candidate for ES256, or nil.
func (r *rig) key(kid string) *keys.Key {
	r.Helper()
	list, err := r.Candidates("", kid, "ES256", time.Now())
	if err != nil {
		return nil
	}
	if len(list) != 1 {
		r.Fatalf("Candidates(%q) = %v", kid, list)
	}
	return list[0]
}

func (r *rig) wantFetches(want int) {
	r.Helper()
	synctest.Wait()
	if got := len(r.provider.fetches()); got != want {
		r.Errorf("%d fetches, want %d", got, want)
	}
}

// accepted is what a proxy does with a token: it reports whether its key is had.
func (r *rig) accepted(kid string) bool {
	_, err := r.Candidates("", kid, "ES256", time.Now())
	if policy.ReasonOf(err) == policy.UnknownKey {
		err = r.Seek(r.Context(), kid)
	}
	return err == nil
}

// poll is how often a client tries again.
const poll = 10 * time.Millisecond

// untilAccepted returns how long a client that tries again and again is refused.
func (r *rig) untilAccepted(kid string) time.Duration {
	start := time.Now()
	for !r.accepted(kid) {
		time.Sleep(poll)
	}
	return time.Since(start)
}
