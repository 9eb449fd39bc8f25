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

// latency is how long answers took, at a fixed rate, and how many did not come, or
// were none that is good.
type latency struct {
	p50, p99, p999 time.Duration
	errors         int
	closed         int // connections that the proxy closed between two requests
}

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
		lanes[i] = &lane{address: address, due: make(chan call, rate)}
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
	var sum latency
	for _, l := range lanes {
		sum.errors += l.errors
		sum.closed += l.closed
		all = append(all, l.took...)
	}
	if len(all) == 0 {
		return latency{}, fmt.Errorf("no answer from %s", address)
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[min(len(all)-1, int(q*float64(len(all))))] }
	sum.p50, sum.p99, sum.p999 = at(0.5), at(0.99), at(0.999)
	return sum, nil
}

// call is a request and when it is due.
type call struct {
	text string
	at   time.Time
}

// lane is a connection with its requests, one after the other. One that breaks is
// replaced.
type lane struct {
	address    string
	connection net.Conn // nil where there is none
	in         *bufio.Reader
	due        chan call
	took       []time.Duration
	errors     int
	closed     int
}

func (l *lane) run() {
	for c := range l.due {
		if err := l.ask(c); err != nil {
			l.errors++
			l.close()
		}
	}
	l.close()
}

func (l *lane) close() {
	if l.connection != nil {
		l.connection.Close()
		l.connection = nil
	}
}

func (l *lane) ask(c call) (err error) {
	if l.connection != nil && isClosed(l.connection) {
		l.closed++
		l.close()
	}
	if l.connection == nil {
		if l.connection, err = net.Dial("tcp", l.address); err != nil {
			l.connection = nil
			return err
		}
		l.in = bufio.NewReader(l.connection)
	}
	if _, err := io.WriteString(l.connection, c.text); err != nil {
		return err
	}
	if err := takeAnswer(l.in); err != nil {
		return err
	}
	l.took = append(l.took, time.Since(c.at))
	return nil
}

// isClosed reports whether the other side has closed a connection, as clients look
// before they use one again.
func isClosed(c net.Conn) (closed bool) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Read(func(descriptor uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = err == nil && n == 0
		return true
	})
	return closed || err != nil
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
