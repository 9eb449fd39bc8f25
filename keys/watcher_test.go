package keys_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// Whatever way a file changes, it is loaded once it rests.
func TestWatcherSeesChanges(t *testing.T) {
	for name, change := range map[string]func(w *watched){
		"in place":    func(w *watched) { w.write("a", "2") },
		"by renaming": func(w *watched) { w.write("new", "2"); w.rename("new", "a") },
		"by an editor that keeps a copy": func(w *watched) {
			w.rename("a", "a~")
			w.write("a", "2")
		},
		"through a symbolic link": func(w *watched) {
			w.mkdir("2")
			w.write("2/c", "2")
			w.do(os.Symlink("2", w.path("tmp")))
			w.rename("tmp", "link")
		},
		"with the size and time of before": func(w *watched) {
			info, err := os.Stat(w.path("b"))
			w.do(err)
			w.write("b", "2")
			w.do(os.Chtimes(w.path("b"), info.ModTime(), info.ModTime()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			watch(t, func(w *watched) {
				w.until(750 * time.Millisecond)
				w.expect()
				change(w)
				w.until(time.Minute)
				w.expect("1.2s taken")
			})
		})
	}
}

// Where stamps are old, only a thorough look finds what they do not tell.
func TestWatcherDoesNotTrustStamps(t *testing.T) {
	watch(t, func(w *watched) {
		old := w.begun.Add(-time.Hour)
		w.do(os.Chtimes(w.path("a"), old, old))
		w.until(2 * time.Second)
		w.write("a", "2")
		w.do(os.Chtimes(w.path("a"), old, old))
		w.until(time.Minute)
		w.expect("10.2s taken")
	})
}

// What is written in several steps is loaded after the last.
func TestWatcherWaitsForRest(t *testing.T) {
	watch(t, func(w *watched) {
		w.until(430 * time.Millisecond) // never at the time of a look
		for i := range 10 {
			w.write("a", strings.Repeat("2", i+1))
			time.Sleep(150 * time.Millisecond)
		}
		w.until(10*time.Second + 30*time.Millisecond)
		w.expect("2.1s taken")

		for i := range 200 {
			w.write("a", fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		if len(w.loaded()) != 1 || strings.Count(w.log.String(), "does not stop changing") != 1 {
			t.Errorf("loads %q, logged %s", w.loaded(), &w.log)
		}
	})
}

// What is refused is tried again less and less often, and at once when a file
// changes, also one that was not there.
func TestWatcherTriesAgain(t *testing.T) {
	for name, test := range map[string]struct{ spoil, mend func(w *watched) }{
		"malformed": {func(w *watched) { w.write("a", "bad") }, func(w *watched) { w.write("a", "good") }},
		"empty":     {func(w *watched) { w.do(os.Truncate(w.path("a"), 0)) }, func(w *watched) { w.write("a", "2") }},
		"gone":      {func(w *watched) { w.do(os.Remove(w.path("a"))) }, func(w *watched) { w.write("a", "1") }},
		"a folder": {
			func(w *watched) { w.rename("a", "a~"); w.mkdir("a") },
			func(w *watched) { w.do(os.Remove(w.path("a"))); w.rename("a~", "a") },
		},
		"not readable": {
			func(w *watched) {
				w.do(os.Chmod(w.path("a"), 0))
				if _, err := os.ReadFile(w.path("a")); err == nil {
					w.do(os.Remove(w.path("a"))) // nothing is unreadable to this user
				}
			},
			func(w *watched) { _ = os.Remove(w.path("a")); w.write("a", "1") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			watch(t, func(w *watched) {
				w.until(250 * time.Millisecond)
				test.spoil(w)
				w.until(19 * time.Second)
				refused := []string{"700ms refused", "1.7s refused", "3.7s refused", "7.7s refused", "15.7s refused"}
				w.expect(refused...)
				if bad, good := w.goodAt("a"), w.goodAt("b"); bad != 0 || good < 18*time.Second {
					t.Errorf("a was good at %s, b at %s", bad, good)
				}
				test.mend(w)
				w.until(time.Minute)
				w.expect(append(refused, "19.4s taken")...)
				if last := w.goodAt("a"); last < time.Minute-time.Second {
					t.Errorf("a was good at %s", last)
				}
			})
		})
	}
}

// A bad file does not fill the log for ever.
func TestWatcherBacksOff(t *testing.T) {
	watch(t, func(w *watched) {
		w.write("a", "bad")
		w.until(2 * time.Hour)
		if n := len(w.loaded()); n != 32 {
			t.Errorf("%d loads in two hours: %q", n, w.loaded())
		}
	})
}

// A lease is over once its file has been unusable for so long, whether it is bad,
// or another keeps it from being taken; and not while it is good.
func TestLease(t *testing.T) {
	watch(t, func(w *watched) {
		short, long, b := w.lease(time.Minute, "a"), w.lease(10*time.Minute, "a"), w.lease(time.Minute, "b")
		over := func() string { return fmt.Sprint(short.Over(time.Now()), long.Over(time.Now()), b.Over(time.Now())) }
		expect := func(want string) {
			t.Helper()
			if got := over(); got != want {
				t.Errorf("after %s: over %s, want %s", time.Since(w.begun), got, want)
			}
		}
		w.until(15*time.Minute + 250*time.Millisecond)
		expect("false false false")
		w.write("a", "bad")
		w.until(16*time.Minute - time.Second)
		expect("false false false")
		w.until(16*time.Minute + time.Second)
		expect("true false false")
		w.until(25*time.Minute + time.Second)
		expect("true true false")
		if got := strings.Count(w.log.String(), "unusable for too long"); got != 1 {
			t.Errorf("logged %d times: %s", got, &w.log)
		}
		// A change of b is not taken while a is bad.
		w.write("b", "2")
		w.until(30*time.Minute + 250*time.Millisecond)
		expect("true true true")
		w.write("a", "good")
		w.until(30*time.Minute + 2*time.Second)
		expect("false false false")
		// What is no longer named is not watched, and nothing depends on it.
		if none := w.lease(time.Hour, ""); none != nil || none.Over(time.Now()) {
			t.Errorf("a lease of nothing: %v", none)
		}
	})
}

// What was read together and does not belong together is known.
func TestFilesMoved(t *testing.T) {
	watch(t, func(w *watched) {
		if w.taken().Moved() {
			t.Error("moved, untouched")
		}
		w.write("new", "1")
		w.rename("new", "a")
		if !w.taken().Moved() {
			t.Error("not moved by renaming")
		}
	})
}
