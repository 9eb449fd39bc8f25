package keys

import (
	"slices"
	"strconv"
	"time"
)

// Lease bounds how long what came from files is used once one of them cannot be
// used any more: it is over at the latest when a file has not held for that long
// what is in force. A nil *Lease is never over. It is safe for concurrent use.
type Lease struct {
	files    []*file
	maxStale time.Duration
	text     string // two that say the same are equal
}

// lease returns the lease of what came from the files of these names, nil for
// none. Names that are empty or were not read do not count.
func (f *Files) lease(maxStale time.Duration, names ...string) *Lease {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &Lease{maxStale: maxStale, text: maxStale.String()}
	for _, name := range names {
		s := f.seen[name]
		if s == nil || name == "" {
			continue
		}
		if s.maxStale == 0 || maxStale < s.maxStale {
			s.maxStale = maxStale
		}
		l.files = append(l.files, s.file)
		l.text += " " + strconv.Quote(name)
	}
	if l.files == nil {
		return nil
	}
	return l
}

// Over reports whether a file has been unusable for too long at a time.
func (l *Lease) Over(at time.Time) bool {
	if l == nil {
		return false
	}
	return slices.ContainsFunc(l.files, func(f *file) bool {
		good := f.good.Load()
		return good != nil && at.Sub(*good) >= l.maxStale
	})
}

// equal reports whether both are over at the same time, whatever happens.
func (l *Lease) equal(o *Lease) bool {
	if l == nil || o == nil {
		return l == o
	}
	return l.text == o.text
}
