package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// latency is how long answers took, at a fixed rate.
type latency struct{ p50, p99, p999 time.Duration }

// steady sends requests at a rate per second for some time, whether answers come or
// not: each is timed from the moment in which it was due, so that a proxy which
// stands still is charged with all that had to wait. The requests are spread over
// connections that are kept.
func steady(address string, list []request, rate int, d time.Duration) (latency, error) {
	// Timers of Go are late by up to a millisecond; this thread sleeps in the kernel.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	lanes := make([]*lane, connections)
	for i := range lanes {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return latency{}, err
		}
		defer c.Close()
		lanes[i] = &lane{connection: c, due: make(chan call, rate)}
	}
	var running sync.WaitGroup
	for _, l := range lanes {
		running.Go(l.run)
	}
	total := int(d.Seconds() * float64(rate))
	began := time.Now().Add(100 * time.Millisecond)
	for n := range total {
		at := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
		if wait := time.Until(at); wait > 0 {
			t := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&t, nil) // a signal makes one request early
		}
		lanes[n%len(lanes)].due <- call{list[n%len(list)].text(), at}
	}
	var all []time.Duration
	for _, l := range lanes {
		close(l.due)
	}
	running.Wait()
	for _, l := range lanes {
		if l.err != nil {
			return latency{}, l.err
		}
		all = append(all, l.took...)
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[min(len(all)-1, int(q*float64(len(all))))] }
	return latency{at(0.5), at(0.99), at(0.999)}, nil
}

// call is a request and when it is due.
type call struct {
	text string
	at   time.Time
}

// lane is a connection with its requests, one after the other.
type lane struct {
	connection net.Conn
	due        chan call
	took       []time.Duration
	err        error
}

func (l *lane) run() {
	in := bufio.NewReader(l.connection)
	for c := range l.due {
		if l.err == nil {
			l.err = l.ask(in, c)
		}
	}
}

func (l *lane) ask(in *bufio.Reader, c call) error {
	if _, err := io.WriteString(l.connection, c.text); err != nil {
		return err
	}
	if err := takeAnswer(in); err != nil {
		return err
	}
	l.took = append(l.took, time.Since(c.at))
	return nil
}

// takeAnswer reads an answer to its end, which must be a good one.
func takeAnswer(in *bufio.Reader) error {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	return nil
}
