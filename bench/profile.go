package main

import (
	"fmt"
	"os"
	"strings"
)

// profile loads Postern with the requests of every bout in turn, for so many seconds
// each, and writes a processor profile of that to a file.
func (w *world) profile(list []bout, file string, seconds int) error {
	binary := w.path("postern-profile")
	if err := w.run("go", "build", "-tags", "profile", "-pgo=off", "-o", binary, "./cmd/postern"); err != nil {
		return err
	}
	raw := w.path("cpu.prof")
	for name, entries := range map[string]int{"profile": 100_000, "profile uncached": 1} {
		w.known[name] = w.postern(strings.ReplaceAll(name, " ", "-"), setting{binary: binary, entries: entries, routes: 1, env: []string{"POSTERN_CPU_PROFILE=" + raw + "-" + name}})
	}
	var profiles []string
	for _, name := range []string{"profile", "profile uncached"} {
		p, err := w.fresh(name)
		if err != nil {
			return err
		}
		for i, b := range list {
			if strings.HasSuffix(b.name, "uncached") != (name == "profile uncached") || strings.HasSuffix(b.name, "000 routes") {
				continue
			}
			script, err := writeScript(w.folder, fmt.Sprintf("profile-%d", i), b.requests)
			if err != nil {
				return err
			}
			l, err := wrk(loadCore, p.address, script, seconds, connections)
			if err != nil || l.refused > 0 && !b.refused {
				return fmt.Errorf("%s: %d refused (%w)", b.name, l.refused, err)
			}
		}
		p.stop()
		profiles = append(profiles, raw+"-"+name)
	}
	merged := w.path("merged.prof")
	if err := w.run("go", append([]string{"tool", "pprof", "-proto", "-output", merged}, profiles...)...); err != nil {
		return err
	}
	content, err := os.ReadFile(merged)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}
