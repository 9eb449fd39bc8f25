package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallDisk returns an empty folder with so much room.
func smallDisk(t *testing.T, bytes int) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		t.Skipf("only root can mount a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// fill leaves so much room on the disk of a file.
func fill(t *testing.T, file string, room int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size, block := int64(0), make([]byte, 4<<10); ; size += int64(len(block)) {
		_, err := f.Write(block)
		if errors.Is(err, syscall.ENOSPC) {
			err = f.Truncate(size - room)
			if err == nil {
				return
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// On a disk that fills up while a copy is written, the last whole one stays: keys
// that are newer serve until a restart, and that has the older ones.
func TestStateDirIsFull(t *testing.T) {
	data, idp := newSpy(t, nil), newIssuer(t, "k1")
	state := smallDisk(t, 64<<10)
	other := newIssuer(t, "o1")
	values := map[string]string{"DATA": data.URL, "OTHER": other.URL, "STATE": state, "KEYS": `jwks_url: "` + idp.URL + `"`}
	first := idp.sign(t, "k1", customerClaims())
	b := start(t, keysYAML, values)
	kept := func(result string) float64 { return b.metric("keys_kept_total", "result", result) }
	copies := func() []string {
		names, err := filepath.Glob(filepath.Join(state, "keys-*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	eventually(t, "two copies", func() bool { return len(copies()) == 2 && kept("success") == 1 })
	whole := copies()

	filler := filepath.Join(state, "filler")
	fill(t, filler, 4<<10)
	for i := range 40 { // more than there is room for, of which a part can be written
		idp.publish(t, fmt.Sprint("more", i))
	}
	idp.withdraw("k1")
	for i, kid := range []string{"more0", "late"} {
		idp.publish(t, kid)
		token := idp.sign(t, kid, customerClaims())
		eventually(t, "the new key", func() bool { return b.ask("/", token) == "OK" })
		eventually(t, "a copy that cannot be kept", func() bool { return kept("failure") > float64(i) })
	}
	eventually(t, "the end of the old key", func() bool { return b.ask("/", first) == "unknown_key" })
	if logged := b.log.next(t, "keeping the last good copy failed"); logged["level"] != "ERROR" || !strings.Contains(fmt.Sprint(logged["cause"]), "no space left on device") {
		t.Errorf("logged %v", logged)
	}
	if n := strings.Count(b.log.String(), "keeping the last good copy failed"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if diff := cmp.Diff(whole, copies()); diff != "" {
		t.Errorf("copies (-want +got):\n%s", diff)
	}
	b.stop()

	late := idp.sign(t, "late", customerClaims())
	idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	b = start(t, keysYAML, values)
	b.log.next(t, "keys restored from the last good copy")
	b.expectToken("/", first, "OK")
	b.expectToken("/", late, "keys_pending")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	idp.fail(nil)
	eventually(t, "recovery", func() bool { return b.ask("/", late) == "OK" })
	eventually(t, "a copy", func() bool { return kept("success") == 1 })
}
