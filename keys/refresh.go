package keys

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	// minRefresh is the least time between two fetches that no kid asked for.
	minRefresh = 5 * time.Second
	// The first and the longest pause after a failed fetch.
	minRetry = time.Second
	maxRetry = 30 * time.Second
)

// fetched is what a successful fetch brought.
type fetched struct {
	keys         *Published
	document     []byte
	cacheControl string
}

// refresh fetches the keys once and plans the next fetch.
func (r *Remote) refresh(ctx context.Context) {
	fetch := r.begin()
	got, err := r.load(ctx)
	if ctx.Err() != nil {
		return // stopped: the source is not to blame
	}
	now := time.Now()
	if err == nil {
		r.succeed(got, fetch, now)
	} else {
		r.fail(err, now)
	}
	r.observer.KeysRefreshed(r.source, err == nil, now)
	if err == nil {
		r.keep(got.document, now)
	}
}

// begin numbers the fetch. A kid that is seen from here on needs another one.
func (r *Remote) begin() (fetch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetches++
	r.fetching, r.asked = true, false
	r.next = time.Now().Add(r.settings.Refresh)
	return r.fetches
}

// load fetches and parses the keys.
func (r *Remote) load(ctx context.Context) (got fetched, err error) {
	defer r.recoverFrom(&err)
	address, err := r.locate(ctx)
	if err != nil {
		return got, err
	}
	got.document, got.cacheControl, err = r.client.get(ctx, address, r.settings.accept())
	if err != nil {
		return got, err
	}
	got.keys, err = r.settings.parse(got.document)
	return got, err
}

// recoverFrom is deferred: what a source sends must not end the process, even
// where it finds a fault in a parser.
func (r *Remote) recoverFrom(err *error) {
	if recover() != nil {
		r.log.Error("panic while refreshing keys", "source", r.source, "stack", string(debug.Stack()))
		*err = errors.New("reading the answer panicked")
	}
}

func (r *Remote) succeed(got fetched, fetch uint64, now time.Time) {
	r.failures = 0
	r.mu.Lock()
	var old []*Key
	if s := r.set.Load(); s != nil {
		old = s.keys
	}
	kept, left := inherit(old, got.keys.Keys) // first: whoever finds the new keys must find the old ones ended
	r.set.Store(newSet(kept))
	r.success = now
	r.sightings.settle(fetch, now)
	r.plan(now.Add(r.interval(got.cacheControl)))
	r.observer.KeysLoaded(r.source, len(kept))
	r.mu.Unlock()
	r.report(got.keys, left > 0 || len(kept) != len(old))
}

// report logs a key set that is not as the last one was.
func (r *Remote) report(keys *Published, changed bool) {
	ignored := strings.Join(keys.Reasons, "; ")
	level := slog.LevelInfo
	if ignored != r.reported && keys.Ignored > 0 {
		level = slog.LevelWarn
	}
	if changed || ignored != r.reported {
		r.log.Log(context.Background(), level, "keys loaded", "source", r.source,
			"keys", len(keys.Keys), "ignored", keys.Ignored, "reasons", ignored)
	}
	r.reported = ignored
}

func (r *Remote) fail(err error, now time.Time) {
	pause := min(minRetry<<min(r.failures, 5), maxRetry, r.settings.Refresh)
	r.failures++
	r.mu.Lock()
	r.plan(now.Add(jitter(pause)))
	r.mu.Unlock()
	r.log.Error("refreshing keys failed", "source", r.source, "cause", err.Error(), "failures", r.failures)
}

// plan says when the next fetch begins, unless a kid wants it sooner, and tells
// those who wait that one has ended. r.mu is held.
func (r *Remote) plan(due time.Time) {
	if !r.asked || due.Before(r.next) {
		r.next = due
	}
	r.fetching = false
	close(r.ended)
	r.ended = make(chan struct{})
}

// interval returns the time until the next regular fetch.
func (r *Remote) interval(cacheControl string) time.Duration {
	interval := r.settings.Refresh
	if age, ok := maxAge(cacheControl); ok {
		interval = min(interval, age)
	}
	return max(jitter(interval), minRefresh)
}

// jitter takes up to a tenth off, so that many proxies do not ask as one.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/10+1) }

// maxAge returns the max-age of a Cache-Control header (RFC 9111, section
// 5.2.2.1).
func maxAge(cacheControl string) (time.Duration, bool) {
	for directive := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		return time.Duration(seconds) * time.Second, err == nil
	}
	return 0, false
}
