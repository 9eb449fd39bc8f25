package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

var crowded = flag.Int("crowd", 2000, "how many connections Postern has in the tests with a crowd")

// crowd is a process full of connections, the clients' as well as a backend's, so
// that of their memory and descriptors only Postern's own are counted in this one.
type crowd struct {
	t testing.TB
	// backend opens a websocket for each request and keeps it.
	backend string
	orders  *json.Encoder
	lines   chan string
}

// order has a crowd open connections, and write the same on each.
type order struct {
	Address, Text string
	Connections   int
	TLS           bool
}

func (o *order) dial() (net.Conn, error) {
	d := &net.Dialer{Timeout: patience}
	if o.TLS {
		return tls.DialWithDialer(d, "tcp", o.Address, &tls.Config{InsecureSkipVerify: true})
	}
	return d.Dial("tcp", o.Address)
}

// startCrowd starts one, which ends with the test.
func startCrowd(t testing.TB) *crowd {
	t.Helper()
	command := exec.Command("crowd")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, orders: json.NewEncoder(in), lines: make(chan string)}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			c.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		for range c.lines {
		}
		_ = command.Wait() // it was killed
	})
	c.backend = c.next()
	return c
}

// do gives an order, and does not wait for what becomes of it.
func (c *crowd) do(o order) {
	c.t.Helper()
	if err := c.orders.Encode(o); err != nil {
		c.t.Fatal(err)
	}
}

// next returns what the next connection was answered: the status and the reason.
func (c *crowd) next() string {
	c.t.Helper()
	return await(c.t, "a word of the crowd", c.lines)
}

// outcomes counts what so many connections are answered.
func (c *crowd) outcomes(connections int) map[string]int {
	c.t.Helper()
	counted := map[string]int{}
	for range connections {
		counted[c.next()]++
	}
	return counted
}

// leave closes all of its connections to Postern.
func (c *crowd) leave() {
	c.t.Helper()
	c.do(order{})
}

// room returns how many connections there can be where each takes so many
// descriptors of a process, at most as many as are wanted.
func room(t testing.TB, wanted, descriptors int) int {
	t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	// Package os has raised the soft limit to the hard one.
	possible := (int(min(files.Cur, 1<<30)) - 200) / descriptors
	if possible < wanted {
		t.Logf("%d connections instead of %d: there may be %d open files", possible, wanted, files.Cur)
	}
	return min(wanted, possible)
}

// inUse returns the bytes of heap and stacks of this process, without garbage.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one has finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// expectInUse waits until no more than so many bytes are in use, and returns how many
// are. What a timer refers to that was stopped may be held until the time it was for.
func expectInUse(t testing.TB, what string, most int64) int64 {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		now := inUse()
		if now <= most || raceDetector {
			return now
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d bytes are in use, want %d at most", what, now, most)
		}
	}
}

// crowdMain is the crowd's process. It says where its backend listens, and takes
// orders until its input ends.
func crowdMain() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				panic(err)
			}
			go acceptWebsocket(c)
		}
	}()
	var open []net.Conn
	for orders := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := orders.Decode(&o); err != nil {
			return
		}
		if o.Address == "" {
			for _, c := range open {
				c.Close()
			}
			open = nil
		}
		for range o.Connections {
			c, err := o.dial()
			if err == nil {
				_, err = io.WriteString(c, o.Text)
			}
			if err != nil {
				fmt.Println(err)
				continue
			}
			open = append(open, c)
			go tellAnswer(c)
		}
	}
}

// acceptWebsocket answers one handshake, and waits for the client's end.
func acceptWebsocket(c net.Conn) {
	defer c.Close()
	if _, err := http.ReadRequest(bufio.NewReaderSize(c, 1<<10)); err != nil {
		return
	}
	_, _ = io.WriteString(c, accepted+"\r\n")
	_, _ = c.Read(make([]byte, 1))
}

// tellAnswer writes a line about what a connection is answered.
func tellAnswer(c net.Conn) {
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 1<<10), nil)
	if err != nil {
		return // it was closed before
	}
	fmt.Println(strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Postern-Reason"))))
}
