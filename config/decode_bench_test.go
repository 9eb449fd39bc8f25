package config

import (
	"fmt"
	"strings"
	"testing"

	"postern/policy"
)

// manyRoutes is the text of a file with n entries in a list.
func manyRoutes(n int) []byte {
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d # the label\n    match: [\"GET /a/%d/{x}\", \"POST /a/%d/{x}\"]\n", i, i, i)
		b.WriteString("    headers: { X-Customer-Id: \"{customer_id}\", X-Level: \"{level}\" }\n    timeout: 30s\n")
	}
	return []byte(b.String())
}

type manyRoutesFile struct {
	Routes []struct {
		Name    string                   `yaml:"name"`
		Match   policy.OneOrMore[string] `yaml:"match"`
		Headers map[string]*string       `yaml:"headers"`
		Timeout policy.Duration          `yaml:"timeout"`
	} `yaml:"routes"`
}

func BenchmarkDecode(b *testing.B) {
	data := manyRoutes(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var f manyRoutesFile
		d, errs := parseDocument("f", data)
		if errs == nil {
			errs = d.decode(&f)
		}
		if errs != nil || len(f.Routes) != 10_000 {
			b.Fatal(errs, len(f.Routes))
		}
	}
}
