package proxy

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watchedConn tells when it is closed.
type watchedConn struct {
	net.Conn
	closed atomic.Bool
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	c.closed.Store(true)
	return nil
}

func newQuiet() (*keptConn, *watchedConn) {
	w := new(watchedConn)
	return &keptConn{Conn: w, quiet: func() bool { return true }}, w
}

// The one that was used last is used first, and what is no longer quiet is dropped.
func TestIdleOrder(t *testing.T) {
	var l idleConns
	defer l.retire()
	first, _ := newQuiet()
	second, _ := newQuiet()
	noisy, dropped := newQuiet()
	noisy.quiet = func() bool { return false }
	for _, c := range []*keptConn{first, second, noisy} {
		l.put(c)
	}
	if got := [...]*keptConn{l.take(), l.take(), l.take()}; got != [...]*keptConn{second, first, nil} || !dropped.closed.Load() {
		t.Errorf("%v, dropped: %t", got, dropped.closed.Load())
	}
}

// There is a bound to what is kept.
func TestIdleBound(t *testing.T) {
	var l idleConns
	defer l.retire()
	for range maxIdleConnsPerHost {
		c, w := newQuiet()
		if l.put(c); w.closed.Load() {
			t.Fatal("closed before the bound")
		}
	}
	c, w := newQuiet()
	if l.put(c); !w.closed.Load() || len(l.list) != maxIdleConnsPerHost {
		t.Errorf("%d are kept", len(l.list))
	}
}

// What cannot be asked whether it is still good is not kept.
func TestIdleUnasked(t *testing.T) {
	var l idleConns
	client, server := net.Pipe()
	l.put(newKeptConn(client))
	if _, err := server.Read(make([]byte, 1)); err != io.EOF || l.take() != nil {
		t.Error(err)
	}
}

// Each connection is closed when nobody has used it for a time, not sooner nor later.
func TestIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l idleConns
		first, firstConn := newQuiet()
		second, secondConn := newQuiet()
		l.put(first)
		time.Sleep(time.Minute)
		l.put(second)
		tick := time.Nanosecond
		for _, want := range []struct {
			pause         time.Duration
			first, second bool
		}{
			{idleConnTimeout - time.Minute - tick, false, false}, {tick, true, false}, {time.Minute - tick, true, false}, {tick, true, true},
		} {
			time.Sleep(want.pause)
			synctest.Wait()
			if firstConn.closed.Load() != want.first || secondConn.closed.Load() != want.second {
				t.Errorf("closed: %t, %t", firstConn.closed.Load(), secondConn.closed.Load())
			}
		}
		third, thirdConn := newQuiet() // after the list was empty
		l.put(third)
		time.Sleep(idleConnTimeout)
		synctest.Wait()
		if !thirdConn.closed.Load() || l.take() != nil {
			t.Error("kept")
		}
	})
}

// What an upstream has closed does not keep its descriptor for long.
func TestIdleClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l idleConns
		good, goodConn := newQuiet()
		ended, endedConn := newQuiet()
		ended.quiet = func() bool { return false }
		l.put(ended)
		l.put(good)
		time.Sleep(idleLook)
		synctest.Wait()
		if !endedConn.closed.Load() || goodConn.closed.Load() {
			t.Errorf("closed: %t, %t", endedConn.closed.Load(), goodConn.closed.Load())
		}
		l.retire()
	})
}

// Once an upstream is retired nothing is kept, and no timer runs.
func TestIdleRetired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l idleConns
		kept, keptConn := newQuiet()
		busy, busyConn := newQuiet()
		l.put(kept)
		l.put(busy)
		if l.take() != busy {
			t.Error("another")
		}
		l.retire()
		l.put(busy)
		if !keptConn.closed.Load() || !busyConn.closed.Load() || l.take() != nil || l.reaper.Stop() {
			t.Errorf("closed: %t, %t", keptConn.closed.Load(), busyConn.closed.Load())
		}
		l.retire()
	})
}

// A connection is quiet until the other side says something, ends it or breaks it
// off, also below what wraps it.
func TestQuietness(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"byte":       func(c *net.TCPConn) { _, _ = c.Write([]byte("x")) },
		"408":        func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
		"end":        func(c *net.TCPConn) { c.Close() },
		"half close": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"reset": func(c *net.TCPConn) {
			_ = c.SetLinger(0)
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := dialer("", time.Hour)(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			quiet := quietness(client)
			for range 2 {
				if !quiet() {
					t.Fatal("not quiet before")
				}
			}
			end(server.(*net.TCPConn))
			for deadline := time.Now().Add(10 * time.Second); quiet(); {
				if time.Now().After(deadline) {
					t.Fatal("still quiet")
				}
			}
			if quiet() {
				t.Error("quiet again: what came is gone")
			}
			client.Close()
			if quiet() {
				t.Error("quiet, and closed")
			}
		})
	}
}

// An upstream that restarts costs no request, however many connections were kept.
func TestDirectRestart(t *testing.T) {
	raw := newRawUpstream(t, func(*http.Request, int) string { return secondAnswer })
	u := newTestUpstream("http://" + raw.address)
	defer u.Retire()
	for range 20 {
		client, server := net.Pipe()
		server.Close()
		c := newKeptConn(client)
		c.quiet = func() bool { return true } // it ends in the moment of use
		u.direct.idle.put(c)
	}
	if got := ask(t, u.direct, http.MethodDelete, "http://"+raw.address+"/"); got.Body != "second" {
		t.Errorf("%+v", got)
	}
	if seen := raw.seen(); len(seen) != 1 {
		t.Error(seen)
	}
}

// idleOf returns how many connections an upstream keeps that nobody uses.
func idleOf(u *Upstream) int {
	u.direct.idle.mu.Lock()
	defer u.direct.idle.mu.Unlock()
	return len(u.direct.idle.list)
}
