package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"postern/config"
)

const keyringConfig = `
upstreams: { chat: { url: "http://127.0.0.1:1" } }
authenticators:
  widget:
    type: jwt
    keys: { keyring_file: ring.yaml, select: path.project }
    algorithms: [HS256]
routes: [{ match: "/{project}/", upstream: chat, authenticate: [widget] }]
`

// writeKeyring writes a configuration with a ring of n tenants, in YAML or in
// JSON.
func writeKeyring(t testing.TB, n int, json bool) (file string) {
	t.Helper()
	var ring strings.Builder
	if json {
		ring.WriteString(`{"empty":[]`)
	}
	for i := range n {
		if json {
			fmt.Fprintf(&ring, ",\n\"project-%d\":[{\"id\":\"1\",\"value\":\"secret-%032d\"}]", i, i)
		} else {
			fmt.Fprintf(&ring, "project-%d: [{ id: \"1\", value: secret-%032d }]\n", i, i)
		}
	}
	if json {
		ring.WriteString("}")
	}
	folder := t.TempDir()
	file = filepath.Join(folder, "postern.yaml")
	for path, text := range map[string]string{file: keyringConfig, filepath.Join(folder, "ring.yaml"): ring.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func BenchmarkLoadKeyring(b *testing.B) {
	for name, json := range map[string]bool{"yaml": false, "json": true} {
		b.Run(name, func(b *testing.B) { benchmarkLoad(b, writeKeyring(b, 100_000, json)) })
	}
}

func benchmarkLoad(b *testing.B, file string) {
	var c *config.Config
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if c, err = config.Load(file, noEnv); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	runtime.KeepAlive(c)
	c = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(before.HeapAlloc-after.HeapAlloc), "B/ring")
}
