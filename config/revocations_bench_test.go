package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/config"
)

const revocationsConfig = `
revocations: { file: revoked.json }
upstreams: { chat: { url: "http://127.0.0.1:1" } }
routes: [{ match: /, upstream: chat, authenticate: [anonymous] }]
`

// writeRevocations writes a configuration with a list of n revoked tokens.
func writeRevocations(t testing.TB, n int) (file string) {
	t.Helper()
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ",\n{\"jti\":\"%036d\"}", i)
	}
	folder := t.TempDir()
	file = filepath.Join(folder, "postern.yaml")
	for path, text := range map[string]string{file: revocationsConfig, filepath.Join(folder, "revoked.json"): "[" + list.String()[1:] + "]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func BenchmarkLoadRevocations(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			file := writeRevocations(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := config.Load(file, noEnv); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
