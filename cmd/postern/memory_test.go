package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const onlyAnonymous = anyPort + `
upstreams: { data: { url: "http://127.0.0.1:1" } }
routes: [{ match: /, upstream: data, authenticate: [anonymous] }]
`

func TestServeTunesMemory(t *testing.T) {
	limit, source := 0.0, "none"
	if n, ok := memoryLimit(os.DirFS("/")); ok {
		limit, source = float64(n-n/10), "cgroup"
	}
	for name, test := range map[string]struct {
		percent, limit string // GOGC, GOMEMLIMIT
		want           record
	}{
		"neither":    {"", "", record{"gc_percent": 100., "gc_ballast_bytes": 16777216., "limit_bytes": limit, "limit_source": source}},
		"GOGC":       {"250", "", record{"gc_percent": 250., "gc_ballast_bytes": 0., "limit_bytes": limit, "limit_source": source}},
		"GOGC off":   {"off", "", record{"gc_percent": -1., "gc_ballast_bytes": 0., "limit_bytes": limit, "limit_source": source}},
		"GOMEMLIMIT": {"", "64MiB", record{"gc_percent": 100., "gc_ballast_bytes": 16777216., "limit_bytes": 67108864., "limit_source": "GOMEMLIMIT"}},
		"both":       {"off", "64MiB", record{"gc_percent": -1., "gc_ballast_bytes": 0., "limit_bytes": 67108864., "limit_source": "GOMEMLIMIT"}},
		"limit off":  {"", "off", record{"gc_percent": 100., "gc_ballast_bytes": 16777216., "limit_bytes": 0., "limit_source": "GOMEMLIMIT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", test.percent)
			t.Setenv("GOMEMLIMIT", test.limit)
			got := launch(t, onlyAnonymous, nil).next("memory")
			delete(got, "time")
			test.want["level"], test.want["msg"] = "INFO", "memory"
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
