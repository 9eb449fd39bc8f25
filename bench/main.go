// Command bench measures Postern beside what one would write or run in its place,
// and prints tables of it. From the root of the repository:
//
//	go run ./bench
//
// It needs Linux with two cores, taskset and wrk; nginx, HAProxy and Caddy are
// measured where they are installed. The proxies run on one core, each alone under
// load for a second at a time, in turn.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
)

func main() {
	log.SetFlags(0)
	cycles := flag.Int("cycles", 9, "how often each proxy has its turn")
	only := flag.String("only", "", "a regular expression of the cases to run; all where empty")
	profile := flag.String("profile", "", "write a processor profile of Postern under these loads to a file, such as cmd/postern/default.pgo, and measure nothing")
	against := flag.String("against", "", "another build of postern, measured beside this one")
	flag.Parse()
	if err := run(*cycles, *only, *profile, *against); err != nil {
		log.Fatal(err)
	}
}

func run(cycles int, only, profile, against string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "postern-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil { // the workers of nginx are others
		return err
	}
	w, err := newWorld(".", folder)
	if err != nil {
		return err
	}
	defer w.close()
	list, err := w.bouts()
	if err != nil {
		return err
	}
	if against != "" {
		w.known["postern before"] = w.postern("postern-before", against, 100_000, 0)
		w.known["postern uncached before"] = w.postern("postern-uncached-before", against, 1, 0)
	}
	var wanted []bout
	for _, b := range list {
		if !chosen.MatchString(b.name) {
			continue
		}
		for _, name := range b.proxies {
			if w.known[name+" before"] != nil {
				b.proxies = append(b.proxies, name+" before")
			}
		}
		{
			wanted = append(wanted, b)
		}
	}
	if profile != "" {
		return w.profile(wanted, profile, cycles)
	}
	all, err := w.runBouts(wanted, cycles)
	if err != nil {
		return err
	}
	for _, b := range wanted {
		for _, p := range b.proxies {
			if len(all[b.name][p]) == 0 {
				continue
			}
			c, r := all.cost(b.name, p), all.ratio(b.name, p, b.name, b.proxies[0])
			fmt.Printf("%-18s %-18s %6.1f us  %.2f (%.2f-%.2f)\n", b.name, p, c.median, r.median, r.low, r.high)
		}
	}
	return nil
}
