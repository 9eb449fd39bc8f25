package main

import (
	"os"
	"testing"
)

// What is revoked does not wait for a faulty configuration to be mended.
func TestRevocationBesideAFault(t *testing.T) {
	r := newRegistry(t)
	mobile := credential{"/token", []string{"Authorization: Token token-of-mobile"}}
	r.expect(t, "before", mobile, "")
	if err := os.WriteFile(r.file, []byte("routes: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.write(t, `[{"key_id":"mobile"}]`)
	if err := r.app.reload(); err == nil {
		t.Error("a faulty configuration is taken")
	}
	r.expect(t, "beside a fault", mobile, "revoked")
}
