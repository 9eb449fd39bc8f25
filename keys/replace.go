package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile gives a regular file the content that edit makes of the one that it
// has, so that whoever reads it meanwhile finds all of the one or of the other, and
// a fault leaves it as it is. Owner and mode stay. Another ReplaceFile in the same
// folder at the same time is an error, and so is a symbolic link: what it names may
// stand where no other file may be put. A file over limit bytes is not read.
func ReplaceFile(path string, limit int64, edit func(content []byte) ([]byte, error)) (err error) {
	name := filepath.Base(path)
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	unlock, err := lockFolder(root)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unlock()
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%s %w: name the file that it leads to", path, errSymlink)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s %w", path, errWrongKind)
	case info.Size() > limit:
		return fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	content, err := root.ReadFile(name)
	if err != nil {
		return err
	}
	if content, err = edit(content); err != nil {
		return err
	}
	temporary := "." + name + "." + rand.Text()
	if err = writeSynced(root, temporary, content); err == nil {
		err = likeOwner(root, temporary, info)
	}
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary)
		return err
	}
	return syncFolder(root)
}

// likeOwner gives a file that is new the owner and the mode of another one.
func likeOwner(root *os.Root, name string, as fs.FileInfo) error {
	created, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if uid, gid := ownerOf(as); !sameOwner(created, as) {
		if err := root.Chown(name, uid, gid); err != nil {
			return fmt.Errorf("the file would have another owner: %w", err)
		}
	}
	return root.Chmod(name, as.Mode().Perm())
}

func sameOwner(a, b fs.FileInfo) bool {
	aUser, aGroup := ownerOf(a)
	bUser, bGroup := ownerOf(b)
	return aUser == bUser && aGroup == bGroup
}
