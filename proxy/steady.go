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

// lookAgain is how often a write that waits looks for room by itself.
const lookAgain = time.Second

// steadyConn writes as its reader reads. Linux wakes a writer only once a third of
// the send buffer is free, which may be megabytes: to a slow reader, no deadline
// would tell a writer that gets on from one that does not. Room there is before, for
// who looks. It is safe for concurrent use, except that writes come one by one.
type steadyConn struct {
	net.Conn

	mu       sync.Mutex
	deadline time.Time // of writing; the zero time for none
}

// Write implements net.Conn.
func (c *steadyConn) Write(p []byte) (n int, err error) {
	for {
		_ = c.bound() // where it fails, writing does
		var taken int
		taken, err = c.Conn.Write(p[n:])
		n += taken
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.over() {
			return n, err
		}
	}
}

// bound ends the wait for room where the time is over, or in time to look again.
func (c *steadyConn) bound() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Now().Add(lookAgain)
	if !c.deadline.IsZero() && c.deadline.Before(next) {
		next = c.deadline
	}
	return c.Conn.SetWriteDeadline(next)
}

func (c *steadyConn) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// SetWriteDeadline implements net.Conn.
func (c *steadyConn) SetWriteDeadline(deadline time.Time) error {
	c.mu.Lock()
	c.deadline = deadline
	c.mu.Unlock()
	return c.bound()
}

// SetDeadline implements net.Conn.
func (c *steadyConn) SetDeadline(deadline time.Time) error {
	return errors.Join(c.SetReadDeadline(deadline), c.SetWriteDeadline(deadline))
}
