package keys

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"postern/policy"
)

// Observer counts what happens to remote keys. Its methods are called from
// several goroutines and must not block.
type Observer interface {
	// KeysLoaded says how many usable keys a source has now.
	KeysLoaded(source string, n int)
	// KeysRefreshed says that a fetch ended.
	KeysRefreshed(source string, ok bool, at time.Time)
	// KeysRestored says that the keys of a source come from a copy of what was
	// fetched at a time.
	KeysRestored(source string, at time.Time)
	// KeysKept says that a last good copy was written, or could not be.
	KeysKept(source string, ok bool)
	// UnknownKid says that a token named a key that the source does not have.
	UnknownKid(source string)
}

// Remote is a set of keys that is fetched in the background. It keeps the last
// good keys while fetches fail, and drops them when they get too old. It is safe
// for concurrent use.
type Remote struct {
	source   string
	settings RemoteSettings
	observer Observer
	log      *slog.Logger
	client   *client
	limiter  *rate.Limiter // of fetches that unknown kids ask for

	set atomic.Pointer[set] // nil without keys; written under mu

	// These belong to the goroutine that fetches.
	failures int    // since the last success
	reported string // what was last logged of ignored keys
	unkept   bool   // the last copy could not be written

	mu        sync.Mutex
	success   time.Time // when the keys were fetched
	jwksURI   string    // what the provider's document named last
	fetches   uint64    // begun so far
	fetching  bool      // the last one has not ended
	next      time.Time // when the next fetch begins
	asked     bool      // a kid has already brought the next fetch forward
	wake      chan struct{}
	ended     chan struct{} // closed when a fetch ends, and replaced
	waiters   int
	sightings sightings

	first chan struct{} // closed when the first fetch has ended
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewRemote returns a source without keys; Start begins to fetch them. The
// source is its name in logs and metrics. The settings have passed Check.
func NewRemote(source string, s RemoteSettings, o Observer, log *slog.Logger) *Remote {
	return &Remote{
		source:    source,
		settings:  s,
		observer:  o,
		log:       log,
		client:    newClient(s),
		limiter:   rate.NewLimiter(rate.Every(askInterval), askBurst),
		wake:      make(chan struct{}, 1),
		ended:     make(chan struct{}),
		sightings: newSightings(),
		first:     make(chan struct{}),
		stop:      func() {},
	}
}

// Adopt takes over what old, a source of the same location, knows: the keys that
// it fetched are good until this one has fetched its own. It must be called
// before Start.
func (r *Remote) Adopt(old *Remote) {
	old.mu.Lock()
	defer old.mu.Unlock()
	r.set.Store(old.set.Load())
	r.success = old.success
	if r.settings.checkURL(old.jwksURI) == nil { // these settings may allow less
		r.jwksURI = old.jwksURI
	}
}

// Start takes the keys of the last good copy, if there is one, and begins to
// fetch, at once and then again and again until Stop. It must be called only
// once.
func (r *Remote) Start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.restore(time.Now())
	if s := r.set.Load(); s != nil {
		r.observer.KeysLoaded(r.source, len(s.keys))
	} else {
		r.observer.KeysLoaded(r.source, 0)
	}
	r.done.Go(func() { r.run(ctx) })
	r.done.Go(func() { r.age(ctx) })
}

// Stop ends fetching and waits until it has ended. The keys stay as they are.
func (r *Remote) Stop() {
	r.stop()
	r.done.Wait()
}

// WaitFirst waits until the first fetch has ended, well or not. Its error is
// that of the context.
func (r *Remote) WaitFirst(ctx context.Context) error {
	select {
	case <-r.first:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Settings returns the settings that the source was made with.
func (r *Remote) Settings() RemoteSettings { return r.settings }

// Required reports whether readiness waits for the keys without a limit.
func (r *Remote) Required() bool { return r.settings.Required }

// Ready reports whether the source has keys.
func (r *Remote) Ready() bool { return r.set.Load() != nil }

// Has reports whether a key of this id is in the set now.
func (r *Remote) Has(kid string) bool {
	s := r.set.Load()
	return s != nil && s.has(kid)
}

// Candidates returns at most four keys that a token with this kid ("" for none)
// and algorithm may be signed with, without waiting; none is no error where the
// keys are not current. Its error is
// [policy.KeysUnavailable], [policy.AlgorithmNotAllowed], or
// [policy.UnknownKey], of which only [Remote.Seek] knows whether it is final.
// The result must not be changed.
func (r *Remote) Candidates(_, kid, algorithm string, at time.Time) ([]*Key, error) {
	s := r.set.Load()
	if s == nil {
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return s.candidates(kid, algorithm, at)
}

func (r *Remote) run(ctx context.Context) {
	r.refresh(ctx)
	close(r.first)
	for r.rest(ctx) {
		r.refresh(ctx)
	}
}

// rest waits until the next fetch is due, which a kid may bring forward. It
// returns false when ctx ends.
func (r *Remote) rest(ctx context.Context) bool {
	for ctx.Err() == nil {
		r.mu.Lock()
		next := r.next
		r.mu.Unlock()
		wait := time.Until(next)
		if wait <= 0 {
			return true
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return false
}
