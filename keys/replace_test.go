package keys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
)

// appendLine is an edit.
func appendLine(content []byte) ([]byte, error) { return append(content, "new\n"...), nil }

func writeNew(t *testing.T, content string, mode fs.FileMode) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "list.yaml")
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func listFolder(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestReplaceFile(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o444} {
		file := writeNew(t, "old\n", mode)
		before, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer before.Close()
		if err := keys.ReplaceFile(file, 100, appendLine); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		info, _ := os.Stat(file)
		if string(content) != "old\nnew\n" || err != nil || info.Mode() != mode {
			t.Errorf("%q, %v, %v", content, info.Mode(), err)
		}
		// It is another file: whoever reads the one before reads all of that.
		if opened, _ := before.Stat(); os.SameFile(opened, info) || opened.Size() != 4 {
			t.Error("the file was written to")
		}
		if diff := cmp.Diff([]string{"list.yaml"}, listFolder(t, filepath.Dir(file))); diff != "" {
			t.Error(diff)
		}
	}
}

// A file of another user stays that user's, who could not read it otherwise.
func TestReplaceFileKeepsTheOwner(t *testing.T) {
	file := writeNew(t, "old\n", 0o600)
	if err := os.Chown(file, 12345, 54321); err != nil {
		t.Skip("only root can give files away")
	}
	if err := keys.ReplaceFile(file, 100, appendLine); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if uid, gid := keys.OwnerOf(info); uid != 12345 || gid != 54321 {
		t.Errorf("it belongs to %d and %d", uid, gid)
	}
}

func TestReplaceFileRefuses(t *testing.T) {
	errEdit := errors.New("not to be edited")
	link := func(t *testing.T) string {
		file := writeNew(t, "old\n", 0o600)
		link := filepath.Join(t.TempDir(), "link.yaml")
		if err := os.Symlink(file, link); err != nil {
			t.Fatal(err)
		}
		return link
	}
	for name, test := range map[string]struct {
		file func(t *testing.T) string
		edit func([]byte) ([]byte, error)
		want string
	}{
		"an edit that fails": {func(t *testing.T) string { return writeNew(t, "old\n", 0o600) }, func([]byte) ([]byte, error) { return nil, errEdit }, "not to be edited"},
		"a link":             {link, appendLine, "is a symbolic link: name the file that it leads to"},
		"a folder":           {func(t *testing.T) string { return filepath.Dir(writeNew(t, "", 0o600)) }, appendLine, "is not a regular file"},
		"nothing":            {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, appendLine, "no such file or directory"},
		"no folder":          {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none", "list") }, appendLine, "no such file or directory"},
		"a large file":       {func(t *testing.T) string { return writeNew(t, strings.Repeat("x", 101), 0o600) }, appendLine, "is larger than 100 bytes"},
	} {
		file := test.file(t)
		before, _ := os.ReadFile(file)
		err := keys.ReplaceFile(file, 100, test.edit)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(file); string(after) != string(before) {
			t.Errorf("%s: the file is %q", name, after)
		}
		if folder := filepath.Dir(file); name != "no folder" && name != "a folder" && len(listFolder(t, folder)) > 1 {
			t.Errorf("%s: %v is left", name, listFolder(t, folder))
		}
	}
}

// Of several at once, each either counts or says that it did not.
func TestReplaceFileAtOnce(t *testing.T) {
	file := writeNew(t, "", 0o600)
	err := keys.ReplaceFile(file, 100, func(content []byte) ([]byte, error) {
		if err := keys.ReplaceFile(file, 100, appendLine); err == nil || !strings.Contains(err.Error(), "being replaced: try again") {
			t.Errorf("while it is replaced: %v", err)
		}
		return appendLine(content)
	})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	lines := 1
	for range 8 {
		group.Go(func() {
			for range 10 {
				if keys.ReplaceFile(file, 1000, appendLine) == nil {
					mu.Lock()
					lines++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if content, err := os.ReadFile(file); len(content) != 4*lines || lines == 1 {
		t.Errorf("%d lines of %d, %v", len(content)/4, lines, err)
	}
}
