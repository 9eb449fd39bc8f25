package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxStateOverhead bounds what a copy holds beside the document.
	maxStateOverhead = 64 << 10
	// leftoverAge is when a temporary file belongs to a process that was killed
	// while it wrote.
	leftoverAge = time.Minute
)

// lastGood is the last good document of a source, as it is kept for a restart
// during an outage.
type lastGood struct {
	// Source and Location are what the copy is for; it is of no use to others.
	Source string `json:"source"`
	Location
	// JWKSURI is what the provider's document named last.
	JWKSURI  string         `json:"jwks_uri,omitzero"`
	Fetched  time.Time      `json:"fetched"`
	Document jsontext.Value `json:"document"`
}

// errLoosePermissions and those below say why a copy or its folder is not
// trusted: whoever can write there decides who may sign tokens.
var (
	errNotOurs          = errors.New("belongs to another user")
	errLoosePermissions = errors.New("can be written by others, or read where that is not needed")
	errSymlink          = errors.New("is a symbolic link")
	errWrongKind        = errors.New("is not a regular file")
)

// stateName is the file of a source: the same for no two locations.
func stateName(source string, l Location) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", source, l.Form, l.URL, l.Issuer))
	return "keys-" + hex.EncodeToString(digest[:]) + ".json"
}

// openState opens the folder of copies, which must be ours alone to write and no
// symbolic link.
func openState(folder string) (*os.Root, error) {
	named, err := os.Lstat(folder)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	switch {
	case err != nil:
	case !os.SameFile(named, opened): // OpenRoot has followed a link
		err = fmt.Errorf("%s %w", folder, errSymlink)
	case !isOwn(opened):
		err = fmt.Errorf("%s %w", folder, errNotOurs)
	case opened.Mode().Perm()&0o022 != 0:
		err = fmt.Errorf("%s %w", folder, errLoosePermissions)
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// readState returns the copy of a name, and nil where there is none. In a folder
// that is ours, nobody can exchange the file after it was looked at.
func readState(folder, name string, maxBytes int64) (*lastGood, error) {
	root, err := openState(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode().Type() == fs.ModeSymlink:
		return nil, errSymlink
	case !info.Mode().IsRegular():
		return nil, errWrongKind
	case !isOwn(info):
		return nil, errNotOurs
	case info.Mode().Perm()&0o077 != 0:
		return nil, errLoosePermissions
	case info.Size() > maxBytes+maxStateOverhead:
		return nil, errors.New("is too large")
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, err
	}
	state := &lastGood{}
	return state, parseObject(data, state, "a copy of keys")
}

// writeState replaces the copy of a name, so that at every moment there is a
// whole one. It makes the folder where that is missing.
func writeState(folder, name string, state *lastGood) (err error) {
	data, err := json.Marshal(state)
	if err != nil {
		return errors.New("the keys cannot be written as JSON")
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := openState(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	removeLeftovers(root, name, time.Now())
	// A name of its own, since another process may write the same copy.
	temporary := name + "." + rand.Text()
	if err = writeSynced(root, temporary, data); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary)
		return err
	}
	return syncFolder(root)
}

func writeSynced(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes a new name last.
func syncFolder(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeLeftovers removes what a process that was killed had begun to write.
func removeLeftovers(root *os.Root, name string, now time.Time) {
	names, _ := fs.Glob(root.FS(), name+".*")
	for _, leftover := range names {
		if info, err := root.Lstat(leftover); err == nil && now.Sub(info.ModTime()) > leftoverAge {
			_ = root.Remove(leftover)
		}
	}
}
