package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// load is what wrk saw.
type load struct {
	requests int
	refused  int // answers other than 2xx and 3xx
	errors   int // connections that broke
}

// connections are kept alive by each load.
const connections = 64

// wrk sends the requests of a script to an address for some seconds, from one core.
func wrk(core int, address, script string, seconds, connections int) (load, error) {
	output, err := exec.Command("taskset", "-c", strconv.Itoa(core), "wrk", "-t1", "-c"+strconv.Itoa(connections),
		fmt.Sprintf("-d%ds", seconds), "-s", script, "http://"+address).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, output)
	}
	return parseWrk(string(output))
}

var (
	wrkTotal   = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkRefused = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkErrors  = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

func parseWrk(text string) (l load, err error) {
	total := wrkTotal.FindStringSubmatch(text)
	if total == nil {
		return l, fmt.Errorf("wrk says: %s", text)
	}
	l.requests, _ = strconv.Atoi(total[1])
	if m := wrkRefused.FindStringSubmatch(text); m != nil {
		l.refused, _ = strconv.Atoi(m[1])
	}
	if m := wrkErrors.FindStringSubmatch(text); m != nil {
		for _, number := range m[1:] {
			n, _ := strconv.Atoi(number)
			l.errors += n
		}
	}
	return l, nil
}
