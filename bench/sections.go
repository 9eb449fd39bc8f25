package main

import (
	"fmt"
	"time"
)

// section is a part of the report that is measured by itself.
type section struct {
	name string
	run  func(*report) error
}

func (w *world) sections() []section {
	return []section{
		{"latency", w.latencies},
		{"memory", w.memory},
		{"websockets", w.sockets},
		{"reload", w.reloadings},
	}
}

// steadyRate is the rate of requests per second for latencies, a fraction of what
// the slowest proxy can do, so that all of them have time.
const steadyRate = 2000

// latencies prints how long answers take at a fixed rate, in three turns each.
func (w *world) latencies(r *report) error {
	r.section("Latency at a fixed rate", fmt.Sprintf("%d requests a second over %d connections for three times 5 seconds, each timed from the moment in which it was due; the middle one of the three. "+
		"Milliseconds, with a token of RS256 that was seen before where a proxy can verify one.", steadyRate, connections))
	r.table("proxy", "p50", "p99", "p99.9")
	token, err := w.signers.token("rs256", 0)
	if err != nil {
		return err
	}
	plain := []request{{method: "GET", path: "/public/items"}}
	signed := []request{{method: "GET", path: "/rs256/customers/" + customer(0) + "/messages", authorization: "Bearer " + token}}
	turns := map[string][3]latency{}
	list := []struct {
		proxy    string
		requests []request
	}{{"tuned", plain}, {"httputil", signed}, {"postern", signed}, {"nginx", plain}, {"haproxy", signed}, {"caddy", plain}}
	for turn := range 3 {
		for _, l := range list {
			if w.known[l.proxy] == nil {
				continue
			}
			p, err := w.proxy(l.proxy)
			if err != nil {
				return err
			}
			one, err := steady(p.address, l.requests, steadyRate, 5*time.Second)
			if err != nil || one.errors > 0 {
				return fmt.Errorf("%s: %d requests failed (%w)", l.proxy, one.errors, err)
			}
			all := turns[l.proxy]
			all[turn] = one
			turns[l.proxy] = all
		}
	}
	for _, l := range list {
		if all, measured := turns[l.proxy]; measured {
			middle := func(of func(latency) time.Duration) string {
				return milliseconds(time.Duration(spreadOf([]float64{float64(of(all[0])), float64(of(all[1])), float64(of(all[2]))}).median))
			}
			r.row(l.proxy, middle(func(l latency) time.Duration { return l.p50 }), middle(func(l latency) time.Duration { return l.p99 }),
				middle(func(l latency) time.Duration { return l.p999 }))
		}
	}
	return nil
}

// memory prints what a proxy holds when it has started, and after load.
func (w *world) memory(r *report) error {
	r.section("Resident memory", "After the start, and after two seconds of load over 64 connections, in MB.")
	r.table("proxy", "at the start", "after load")
	script, err := writeScript(w.folder, "memory", []request{{method: "GET", path: "/public/items"}})
	if err != nil {
		return err
	}
	for _, name := range []string{"tuned", "httputil", "postern", "postern 10000", "nginx", "nginx 10000", "haproxy", "haproxy 10000", "caddy", "caddy 10000"} {
		if w.known[name] == nil {
			continue
		}
		p, err := w.fresh(name)
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		before, err := p.resident()
		if err != nil {
			return err
		}
		l, err := wrk(loadCore, p.address, script, 2, connections)
		if err != nil || l.refused > 0 {
			return fmt.Errorf("%s: %d refused (%w)", name, l.refused, err)
		}
		after, err := p.resident()
		if err != nil {
			return err
		}
		p.stop()
		r.row(name, megabytes(before), megabytes(after))
	}
	return nil
}

// sockets prints what an idle websocket costs.
func (w *world) sockets(r *report) error {
	const count = 5000
	r.section("Idle websockets", fmt.Sprintf("Memory that a proxy holds for each of %d websockets that have echoed one frame.", count))
	r.table("proxy", "KiB each")
	for _, name := range []string{"tuned", "postern", "nginx", "haproxy", "caddy"} {
		if w.known[name] == nil {
			continue
		}
		p, err := w.fresh(name)
		if err != nil {
			return err
		}
		each, err := idleSockets(p, count)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.stop()
		r.row(name, fmt.Sprintf("%.1f", each/1024))
	}
	return nil
}

// reloadings prints what clients notice of reloads.
func (w *world) reloadings(r *report) error {
	r.section("A reload each second", fmt.Sprintf("%d requests a second over %d kept connections for %v, left alone and with reloads in turn, three times; the middle one of the three. "+
		"Failed requests and closed connections are those of all three; a client that does not look whether its connection was closed fails on each of them.", steadyRate, connections, reloadTime))
	r.table("proxy", "failed requests", "closed connections", "p99 left alone, ms", "p99 with reloads, ms", "ratio")
	for _, name := range []string{"postern", "nginx", "haproxy", "caddy"} {
		if w.known[name] == nil {
			continue
		}
		p, err := w.fresh(name)
		if err != nil {
			return err
		}
		var alone, reloaded, ratios []float64
		failed, closed := 0, 0
		for range 3 {
			left, err := w.reloads(name, p, true)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			told, err := w.reloads(name, p, false)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			failed, closed = failed+told.errors, closed+told.closed
			alone, reloaded = append(alone, float64(left.p99)), append(reloaded, float64(told.p99))
			ratios = append(ratios, float64(told.p99)/float64(left.p99))
		}
		p.stop()
		middle := func(figures []float64) string { return milliseconds(time.Duration(spreadOf(figures).median)) }
		r.row(name, fmt.Sprint(failed), fmt.Sprint(closed), middle(alone), middle(reloaded), fmt.Sprintf("%.2f", spreadOf(ratios).median))
	}
	return nil
}
