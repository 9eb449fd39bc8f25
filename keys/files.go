package keys

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Files are those that a configuration was read from, each as it was then. They
// tell a [Watcher] what to look at, and keys how long their files may be
// unusable. A nil *Files reads without remembering. It is safe for concurrent
// use.
type Files struct {
	before map[string]*file // known to the readings before, by name

	mu   sync.Mutex
	seen map[string]*seenFile // by name
}

// file is a named file, the same through all readings of a configuration. The
// name of the configuration itself is "".
type file struct {
	name, path string
	limit      int64 // more is not read
	quiet      bool  // has no metric
	// good is when the file was last known to say what is in force, nil before
	// anything of it was. It keeps the reading of the monotonic clock: what it is
	// for must not last longer where the clock on the wall is set back.
	good atomic.Pointer[time.Time]
}

// source returns the label of the file's metric.
func (f *file) source() string {
	switch f.name {
	case "":
		return "config"
	case "config":
		return "./config"
	}
	return f.name
}

// seenFile is what a file was when it was read.
type seenFile struct {
	*file
	sight sight
	// maxStale is the shortest that anything of the file may outlive it; 0 for
	// no bound.
	maxStale time.Duration
}

// sight is what a look at a file found.
type sight struct {
	info  os.FileInfo // nil where there is none
	sum   [sha256.Size]byte
	fault string // why it could not be read
}

// alike reports whether two sights are of the same content.
func (s sight) alike(o sight) bool { return s.sum == o.sum && s.fault == o.fault }

// NewFiles returns the files of a first reading, none so far.
func NewFiles() *Files { return &Files{seen: map[string]*seenFile{}} }

// Next returns the files of the reading after this one, none so far. What both
// read is one file: keys that stay last as long as it is good.
func (f *Files) Next() *Files {
	next := NewFiles()
	f.mu.Lock()
	defer f.mu.Unlock()
	next.before = make(map[string]*file, len(f.seen))
	for name, s := range f.seen {
		next.before[name] = s.file
	}
	return next
}

// Read returns the content of a regular file, up to limit bytes of it and one
// more where it is larger. The name is the one that the configuration has for it,
// "" for its own.
func (f *Files) Read(name, path string, limit int64) ([]byte, error) {
	return f.read(name, path, limit, false)
}

func (f *Files) read(name, path string, limit int64, quiet bool) ([]byte, error) {
	var data bytes.Buffer
	info, err := copyFile(&data, path, limit)
	digest := sha256.New()
	digest.Write(data.Bytes())
	if f == nil {
		return data.Bytes(), err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[name] == nil {
		known := f.before[name]
		if known == nil || known.path != path {
			known = &file{name: name, path: path, limit: limit, quiet: quiet}
		}
		f.seen[name] = &seenFile{file: known, sight: newSight(info, digest, err)}
	}
	return data.Bytes(), err
}

// Moved reports whether any of the files is no longer the one that was read, so
// that what was read of several may not belong together.
func (f *Files) Moved() bool {
	for _, s := range f.all() {
		info, _ := os.Stat(s.path)
		if !sameStamp(info, s.sight.info) {
			return true
		}
	}
	return false
}

func (f *Files) all() map[string]*seenFile {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.seen)
}

// sameStamp reports whether nothing says that a file has changed.
func sameStamp(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// freshness is how long after a change a file may change again and look the same:
// the coarsest clock of a file system is FAT's.
const freshness = 2 * time.Second

// look returns what the file is at a time. Where its stamp is that of before, and
// old enough to tell by, only a thorough look reads it.
func (f *file) look(before sight, at time.Time, thorough bool) sight {
	info, _ := os.Stat(f.path)
	if !thorough && before.fault == "" && sameStamp(info, before.info) && at.Sub(info.ModTime()) > freshness {
		return before
	}
	digest := sha256.New()
	info, err := copyFile(digest, f.path, f.limit)
	return newSight(info, digest, err)
}

func newSight(info os.FileInfo, digest hash.Hash, err error) sight {
	s := sight{info: info}
	if err != nil {
		s.fault = err.Error()
		return s
	}
	digest.Sum(s.sum[:0])
	return s
}

// copyFile copies up to limit bytes of a regular file, and one more where it is
// larger. It returns what the file was before, nil where there is none.
func copyFile(to io.Writer, path string, limit int64) (os.FileInfo, error) {
	// Before the file is opened: to open a named pipe waits for its writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return info, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return info, err
	}
	defer f.Close()
	_, err = io.Copy(to, io.LimitReader(f, limit+1))
	return info, err
}
