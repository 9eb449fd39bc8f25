package main

import (
	"cmp"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"
)

// measure loads a proxy for a second, and asks the kernel what that took: it returns
// the processor time for each request, in microseconds.
func measure(p *process, script string, b bout) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	l, err := wrk(loadCore, p.address, script, cmp.Or(b.seconds, 1), cmp.Or(b.connections, connections))
	if err != nil {
		return 0, err
	}
	after, err := p.cpu()
	switch {
	case err != nil:
		return 0, err
	case l.requests == 0 || l.errors > 0:
		return 0, fmt.Errorf("%s: %d requests, %d broken connections: %w", p.name, l.requests, l.errors, errStill)
	case b.refused && l.refused != l.requests, !b.refused && l.refused > 0:
		return 0, fmt.Errorf("%s: %d of %d requests were refused", p.name, l.refused, l.requests)
	}
	return float64(after-before) / float64(time.Microsecond) / float64(l.requests), nil
}

// errStill is of a window in which nobody was served, or not in wrk's two seconds:
// machines that others share stand still at times. It is told, and tried again.
var errStill = errors.New("no window")

// results are the processor times for each request, in microseconds, of each bout and
// proxy, in the order of the cycles.
type results map[string]map[string][]float64

// runBouts loads every proxy of every bout in turn, so that whatever else the machine
// does falls on all of them, in as many cycles, after one that is not counted. Each
// cycle begins with another proxy.
func (w *world) runBouts(list []bout, cycles int) (results, error) {
	scripts := map[string]string{}
	all := results{}
	for i, b := range list {
		script, err := writeScript(w.folder, fmt.Sprintf("bout-%d", i), b.requests)
		if err != nil {
			return nil, err
		}
		scripts[b.name], all[b.name] = script, map[string][]float64{}
	}
	for cycle := range cycles + 1 {
		for _, b := range list {
			proxies := slices.DeleteFunc(slices.Clone(b.proxies), func(name string) bool { return w.known[name] == nil })
			for i := range proxies {
				name := proxies[(i+cycle)%len(proxies)]
				p, err := w.proxy(name)
				if err != nil {
					return nil, err
				}
				m, err := measure(p, scripts[b.name], b)
				for again := 0; errors.Is(err, errStill) && again < 3; again++ {
					log.Printf("%s: %v; once more", b.name, err)
					m, err = measure(p, scripts[b.name], b)
				}
				if err != nil {
					return nil, fmt.Errorf("%s: %w", b.name, err)
				}
				if cycle > 0 {
					all[b.name][name] = append(all[b.name][name], m)
				}
			}
		}
	}
	return all, nil
}

// cost returns the processor time for each request, in microseconds.
func (r results) cost(bout, proxy string) spread {
	return spreadOf(r[bout][proxy])
}

// ratio returns the cost of a proxy as a multiple of another's in the same cycle.
func (r results) ratio(bout, proxy, otherBout, other string) spread {
	var figures []float64
	base := r[otherBout][other]
	for i, cost := range r[bout][proxy] {
		figures = append(figures, cost/base[i])
	}
	return spreadOf(figures)
}
