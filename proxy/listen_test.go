package proxy_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/proxy"
)

func TestListenOnUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.sock")
	address := "unix://" + path

	first, err := proxy.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proxy.Listen(address); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("a socket in use: %v", err)
	}

	// A process that was killed leaves its socket behind.
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	second, err := proxy.Listen(address)
	if err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	connection, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()
	second.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// What is no socket is nobody's to remove.
func TestListenRemovesNothingElse(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, folder, filepath.Join(folder, "missing", "a.sock")} {
		if l, err := proxy.Listen("unix://" + path); err == nil {
			l.Close()
			t.Errorf("%s: no error", path)
		}
	}
	if data, err := os.ReadFile(link); string(data) != "precious" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestListenOnTCP(t *testing.T) {
	first, err := proxy.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := proxy.Listen(first.Addr().String()); err == nil {
		t.Error("a port in use: no error")
	}
}
