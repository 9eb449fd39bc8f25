package proxy

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// steadyListener accepts connections that are steady.
type steadyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l steadyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steadyConn{Conn: c}, nil
}

// lookAgain is how often, at least, a write that waits looks for room by itself.
const lookAgain = time.Second

// steadyConn writes as its reader reads. Linux wakes a writer only once a third of
// the send buffer is free, which may be megabytes: to a slow reader, no deadline
// would tell a writer that gets on from one that does not. Room there is before, for
// who looks. It is safe for concurrent use, except that writes come one by one.
//
// A deadline is only kept in mind until something is written: the timer behind it
// costs more than most writes, and is left as it is while it is good enough.
type steadyConn struct {
	net.Conn

	mu       sync.Mutex
	deadline time.Time // of writing; the zero time for none
	armed    time.Time // when the connection ends a wait for room
	writing  bool
}

// Write implements net.Conn.
func (c *steadyConn) Write(p []byte) (n int, err error) {
	defer c.rest()
	for {
		c.begin()
		var taken int
		taken, err = c.Conn.Write(p[n:])
		n += taken
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.over() {
			return n, err
		}
	}
}

func (c *steadyConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = true
	_ = c.bound() // where it fails, writing does
}

func (c *steadyConn) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
}

// bound ends the wait for room where the time is over, or in time to look again.
// c.mu is held.
func (c *steadyConn) bound() error {
	now := time.Now()
	earliest, latest := now.Add(lookAgain/2), now.Add(lookAgain)
	if !c.deadline.IsZero() && c.deadline.Before(latest) {
		earliest, latest = c.deadline, c.deadline
	}
	if !c.armed.Before(earliest) && !c.armed.After(latest) {
		return nil
	}
	c.armed = latest
	return c.Conn.SetWriteDeadline(latest)
}

func (c *steadyConn) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// SetWriteDeadline implements net.Conn.
func (c *steadyConn) SetWriteDeadline(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = deadline
	if !c.writing {
		return nil
	}
	return c.bound()
}

// SetDeadline implements net.Conn.
func (c *steadyConn) SetDeadline(deadline time.Time) error {
	return errors.Join(c.SetReadDeadline(deadline), c.SetWriteDeadline(deadline))
}
