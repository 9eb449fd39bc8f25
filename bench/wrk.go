package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// load is what wrk saw.
type load struct {
	requests int
	seconds  float64
	refused  int // answers other than 2xx and 3xx
	errors   int // connections that broke
	p99      time.Duration
}

// connections are kept alive by each load.
const connections = 64

// wrk sends the requests of a script to an address for some seconds, from one core.
func wrk(core int, address, script string, seconds, connections int) (load, error) {
	output, err := exec.Command("taskset", "-c", strconv.Itoa(core), "wrk", "--latency", "-t1", "-c"+strconv.Itoa(connections),
		fmt.Sprintf("-d%ds", seconds), "-s", script, "http://"+address).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, output)
	}
	return parseWrk(string(output))
}

var (
	wrkTotal   = regexp.MustCompile(`(?m)^\s*(\d+) requests in ([\d.]+)(us|ms|s|m),`)
	wrkRefused = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkErrors  = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkP99     = regexp.MustCompile(`(?m)^\s*99%\s+([\d.]+)(us|ms|s|m)\s*$`)
)

func parseWrk(text string) (l load, err error) {
	total := wrkTotal.FindStringSubmatch(text)
	if total == nil {
		return l, fmt.Errorf("wrk says: %s", text)
	}
	l.requests, _ = strconv.Atoi(total[1])
	l.seconds = wrkDuration(total[2], total[3]).Seconds()
	if m := wrkRefused.FindStringSubmatch(text); m != nil {
		l.refused, _ = strconv.Atoi(m[1])
	}
	if m := wrkErrors.FindStringSubmatch(text); m != nil {
		for _, number := range m[1:] {
			n, _ := strconv.Atoi(number)
			l.errors += n
		}
	}
	if m := wrkP99.FindStringSubmatch(text); m != nil {
		l.p99 = wrkDuration(m[1], m[2])
	}
	return l, nil
}

// wrkDuration reads a number and its unit, which wrk writes as Go does, but for m.
func wrkDuration(number, unit string) time.Duration {
	d, _ := time.ParseDuration(number + unit) // the expressions let nothing else through
	return d
}
