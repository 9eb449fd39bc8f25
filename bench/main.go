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
	"slices"
)

// options are what the command line says.
type options struct {
	cycles  int
	only    *regexp.Regexp
	profile string
	against string
	write   bool
}

func main() {
	log.SetFlags(0)
	var o options
	flag.IntVar(&o.cycles, "cycles", 9, "how often each proxy has its turn")
	only := flag.String("only", "", "a regular expression of the cases and sections to run; all where empty")
	flag.StringVar(&o.profile, "profile", "", "measure nothing: write a processor profile of Postern under these loads, each for -cycles seconds, to a file such as cmd/postern/default.pgo")
	flag.StringVar(&o.against, "against", "", "another build of postern, measured beside this one")
	flag.BoolVar(&o.write, "write", false, "write the tables and the chart into bench/ and README.md, too")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
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
	if o.against != "" {
		w.known["postern before"] = w.postern("postern-before", setting{binary: o.against, entries: 100_000})
		w.known["postern uncached before"] = w.postern("postern-uncached-before", setting{binary: o.against, entries: 1})
	}
	list, err := w.bouts()
	if err != nil {
		return err
	}
	if o.profile != "" {
		return w.profile(slices.DeleteFunc(list, func(b bout) bool { return !o.only.MatchString(b.name) }), o.profile, o.cycles)
	}
	r := new(report)
	if err := w.measureAll(list, o, r); err != nil {
		return err
	}
	fmt.Print(r)
	return nil
}

// measureAll fills a report of those bouts that are asked for.
func (w *world) measureAll(list []bout, o options, r *report) error {
	for i := range list {
		for _, name := range list[i].proxies {
			if w.known[name+" before"] != nil {
				list[i].proxies = append(list[i].proxies, name+" before")
			}
		}
	}
	var cases []growth
	var extra []bout
	if o.only.MatchString("growth") {
		var err error
		if cases, extra, err = w.growths(); err != nil {
			return err
		}
	}
	shown := slices.DeleteFunc(slices.Clone(list), func(b bout) bool { return !o.only.MatchString(b.name) })
	figures, err := w.runBouts(needed(slices.Concat(list, extra), shown, cases), o.cycles)
	if err != nil {
		return err
	}
	r.bouts(shown, figures)
	if len(cases) > 0 {
		if err := r.growths(cases, figures, w); err != nil {
			return err
		}
	}
	for _, s := range w.sections() {
		if o.only.MatchString(s.name) {
			if err := s.run(r); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	if o.write {
		return w.publish(shown, figures, r)
	}
	return nil
}

// needed returns those of all bouts that some are compared with, these themselves and
// what the cases of growth compare.
func needed(all, shown []bout, cases []growth) []bout {
	names := map[string]bool{}
	for _, b := range shown {
		names[b.name], names[b.base().bout] = true, true
	}
	for _, g := range cases {
		names[g.bout], names[g.smaller] = true, true
	}
	return slices.DeleteFunc(slices.Clone(all), func(b bout) bool { return !names[b.name] })
}
