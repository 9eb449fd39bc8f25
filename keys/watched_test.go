package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
)

// watched is a folder whose files a, b and link/c are read as one configuration,
// which is good where no file is empty and none holds "bad".
type watched struct {
	t       *testing.T
	dir     string
	begun   time.Time
	watcher *keys.Watcher

	mu    sync.Mutex
	files *keys.Files // that were taken last
	loads []string    // when, and what came of it
	good  map[string]time.Time
	log   journal
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String returns what was written.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var watchedNames = []string{"a", "b", "link/c"}

// watch runs test beside a watcher, with a clock of its own.
func watch(t *testing.T, test func(w *watched)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{t: t, dir: dir, begun: time.Now(), good: map[string]time.Time{}}
		w.mkdir("1")
		w.do(os.Symlink("1", w.path("link")))
		for _, name := range watchedNames {
			w.write(name, "1")
		}
		files, err := w.read(keys.NewFiles())
		w.do(err)
		w.files = files
		w.watcher = keys.NewWatcher(files, time.Now(), w.reload, w, slog.New(slog.NewTextHandler(&w.log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		go w.watcher.Run(ctx)
		defer cancel()
		test(w)
	})
}

func (w *watched) read(before *keys.Files) (*keys.Files, error) {
	files := before.Next()
	var all error
	for _, name := range watchedNames {
		data, err := keys.Loader{Dir: w.dir, Files: files}.File(name)
		if strings.Contains(string(data), "bad") {
			err = errors.New("bad")
		}
		all = errors.Join(all, err)
	}
	return files, all
}

func (w *watched) reload() {
	w.mu.Lock()
	files, err := w.read(w.files)
	result := "taken"
	if err != nil {
		result = "refused"
	} else {
		w.files = files
	}
	w.loads = append(w.loads, fmt.Sprintf("%s %s", time.Since(w.begun), result))
	w.mu.Unlock()
	w.watcher.Tried(files, err == nil, time.Now())
}

// FileGood implements keys.FileObserver.
func (w *watched) FileGood(source string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.good[source] = at
}

// WatchFiles implements keys.FileObserver.
func (w *watched) WatchFiles(map[string]bool) {}

func (w *watched) path(name string) string { return filepath.Join(w.dir, name) }
func (w *watched) mkdir(name string)       { w.do(os.Mkdir(w.path(name), 0o700)) }
func (w *watched) write(name, text string) { w.do(os.WriteFile(w.path(name), []byte(text), 0o600)) }
func (w *watched) rename(from, to string)  { w.do(os.Rename(w.path(from), w.path(to))) }

// taken returns the files that were taken last.
func (w *watched) taken() *keys.Files {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// goodAt returns how long after the beginning a file was good for the last time.
func (w *watched) goodAt(name string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.good[name].Sub(w.begun)
}

// loaded returns the loads so far.
func (w *watched) loaded() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.loads)
}

func (w *watched) lease(d time.Duration, n string) *keys.Lease {
	return keys.Loader{Files: w.taken()}.Lease(d, n)
}

func (w *watched) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// until lets time pass, until so long after the beginning.
func (w *watched) until(after time.Duration) {
	time.Sleep(after - time.Since(w.begun))
	synctest.Wait()
}

func (w *watched) expect(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.loaded()); diff != "" {
		w.t.Errorf("loads (-want +got):\n%s", diff)
	}
}
