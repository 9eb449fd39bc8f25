package keys_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/internal/clocktest"
	"postern/keys"
)

// unwatched observes no files.
type unwatched struct{}

func (unwatched) WatchFiles(map[string]bool) {}
func (unwatched) FileGood(string, time.Time) {}

// Keys of a file last as long as they may, whatever somebody sets the clock to.
func TestLeaseWhenTheClockIsSet(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := keys.Loader{Dir: dir, Files: keys.NewFiles()}
	if _, err := load.File("a"); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	keys.NewWatcher(load.Files, at, nil, unwatched{}, slog.New(slog.DiscardHandler))
	lease := load.Lease(time.Hour, "a")
	for _, d := range []time.Duration{-6 * time.Hour, 0, 6 * time.Hour} {
		if lease.Over(clocktest.Set(t, at.Add(time.Hour-1), d)) {
			t.Errorf("set by %s: over too soon", d)
		}
		if !lease.Over(clocktest.Set(t, at.Add(time.Hour), d)) {
			t.Errorf("set by %s: not over", d)
		}
	}
}
