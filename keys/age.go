package keys

import (
	"context"
	"time"
)

// age drops the keys when they get too old, also while a fetch is under way.
func (r *Remote) age(ctx context.Context) {
	for {
		r.mu.Lock()
		ended, stale := r.ended, r.success.Add(r.settings.MaxStale)
		r.mu.Unlock()
		var due <-chan time.Time
		if r.Ready() {
			due = time.After(time.Until(stale))
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
		case <-due:
			r.expire(time.Now())
		}
	}
}

// expire drops the keys where they are too old.
func (r *Remote) expire(now time.Time) {
	r.mu.Lock()
	s := r.set.Load()
	stale := s != nil && !now.Before(r.success.Add(r.settings.MaxStale))
	if stale {
		r.set.Store(nil)
		retire(s.keys)
		r.observer.KeysLoaded(r.source, 0)
	}
	r.mu.Unlock()
	if stale {
		r.log.Error("keys dropped: no fetch has succeeded for too long", "source", r.source, "max_stale", r.settings.MaxStale)
	}
}
