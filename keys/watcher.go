package keys

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// FileObserver counts what happens to watched files. Its methods must not block.
type FileObserver interface {
	// WatchFiles says which files are watched from now on.
	WatchFiles(sources map[string]bool)
	// FileGood says that one of them holds, at a time, what is in force.
	FileGood(source string, at time.Time)
}

const (
	// lookInterval is the time between two looks at all files. Where looking takes
	// long, it is ten times as long as that, up to maxInterval.
	lookInterval = 500 * time.Millisecond
	maxInterval  = 10 * time.Second
	// settleTime is how long a file must rest after a change: it may be written
	// in several steps, of which the first leave something else well-formed.
	settleTime = 200 * time.Millisecond
	// restlessLooks is after how many looks in a row at a changing file the log
	// tells of it.
	restlessLooks = 50
	// thoroughEvery is how many looks read each file, changed or not: the stamps
	// of some mounts lie.
	thoroughEvery = 20
	// The first and the longest pause before a refused configuration is tried
	// again that has not changed.
	minReload = time.Second
	maxReload = 5 * time.Minute
)

// Watcher has a configuration loaded again when one of its files changes. It
// compares contents, and so sees through editors, symbolic links and network
// mounts alike. A configuration that is refused is tried again, less and less
// often, and at once when a file changes.
type Watcher struct {
	reload   func()
	observer FileObserver
	log      *slog.Logger

	mu       sync.Mutex
	inForce  *Files    // of the configuration that was taken last
	tried    *Files    // of the one that was tried last, taken or not
	failures int       // since one was taken
	retry    time.Time // when to try again what was refused; zero for never

	// These belong to the goroutine in Run.
	looks    int
	last     map[string]sight // by name, as each file was at the last look
	restless int              // looks in a row that found a file changing
	told     map[string]bool  // files of which the log has told that they are stale
}

// NewWatcher returns a watcher of the files of a configuration that was taken at
// a time. It calls reload, which must call [Watcher.Tried].
func NewWatcher(taken *Files, at time.Time, reload func(), o FileObserver, log *slog.Logger) *Watcher {
	w := &Watcher{reload: reload, observer: o, log: log, last: map[string]sight{}, told: map[string]bool{}}
	w.Tried(taken, true, at)
	return w
}

// Tried tells the watcher of the files of a configuration that was just tried,
// and whether it was taken: whoever had it loaded, what they were then is known.
// It is safe for concurrent use.
func (w *Watcher) Tried(files *Files, taken bool, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tried = files
	if !taken {
		w.retry = at.Add(min(minReload<<min(w.failures, 10), maxReload))
		w.failures++
		return
	}
	w.inForce, w.failures, w.retry = files, 0, time.Time{}
	all, sources := files.all(), map[string]bool{}
	for _, f := range all {
		if !f.quiet {
			sources[f.source()] = true
		}
	}
	w.observer.WatchFiles(sources)
	for _, f := range all {
		w.good(f, at)
	}
}

// good notes that a file holds what is in force.
func (w *Watcher) good(f *seenFile, at time.Time) {
	f.good.Store(&at)
	if !f.quiet {
		w.observer.FileGood(f.source(), at)
	}
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	timer := time.NewTimer(lookInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(w.step())
		}
	}
}

// step looks at the files, has them loaded where that is due, and returns the
// time until the next look.
func (w *Watcher) step() (pause time.Duration) {
	pause = lookInterval
	// What a file holds must not end the process, even where it finds a fault in
	// a parser.
	defer func() {
		if recover() != nil {
			w.log.Error("panic while watching files", "stack", string(debug.Stack()))
		}
	}()
	begun := time.Now()
	changed, moving := w.look(begun)
	ended := time.Now()
	if !moving {
		w.restless = 0
	}
	switch {
	case moving:
		if w.restless++; w.restless == restlessLooks {
			w.log.Error("a file does not stop changing, and is not loaded before it does")
		}
		pause = settleTime
	case changed, w.retryDue(ended):
		w.reload()
	}
	return max(pause, min(10*ended.Sub(begun), maxInterval))
}

// look reports whether a file is not as it was when it was tried, and whether one
// is not even as it was at the last look.
func (w *Watcher) look(at time.Time) (changed, moving bool) {
	w.mu.Lock()
	tried, inForce := w.tried.all(), w.inForce.all()
	w.mu.Unlock()
	w.looks++
	now := make(map[string]sight, len(tried))
	see := func(f *seenFile) sight {
		if s, seen := now[f.name]; seen {
			return s
		}
		before, known := w.last[f.name]
		if !known {
			before = f.sight
		}
		s := f.look(before, at, w.looks%thoroughEvery == 0)
		now[f.name] = s
		return s
	}
	for name, f := range tried {
		s := see(f)
		if s.alike(f.sight) {
			continue
		}
		changed = true
		before, known := w.last[name]
		moving = moving || !known || !s.alike(before)
	}
	for name, f := range inForce {
		switch {
		case see(f).alike(f.sight):
			w.good(f, at)
			delete(w.told, name)
		case f.maxStale > 0 && !w.told[name] && at.Sub(*f.file.good.Load()) >= f.maxStale:
			w.told[name] = true
			w.log.Error("file unusable for too long: nothing that came from it verifies any more", "source", f.source(), "max_stale", f.maxStale)
		}
	}
	w.last = now
	return changed, moving
}

// retryDue reports whether it is time to try again what was refused.
func (w *Watcher) retryDue(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.retry.IsZero() && !at.Before(w.retry)
}
