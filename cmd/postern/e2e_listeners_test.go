package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withTLS has the listener for clients of a configuration speak TLS, and returns
// whom they are to trust.
func withTLS(t testing.TB, yaml string) (string, *authority) {
	t.Helper()
	ca, dir := newAuthority(t, "servers"), t.TempDir()
	certificate, key := filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	i := ca.forHost(t, tlsHost)
	for file, text := range map[string]string{certificate: i.certificate, key: i.key} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Replace(yaml, "server: { ", fmt.Sprintf("server: { tls: { cert_file: %q, key_file: %q }, ", certificate, key), 1), ca
}

// withH2C has the listener for clients of a configuration speak HTTP/2 in plain text,
// too.
func withH2C(yaml string) string {
	return strings.Replace(yaml, "server: { ", "server: { h2c: true, ", 1)
}
