//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// keepsConns: whether a connection is still good can be asked here.
const keepsConns = true

// quietness returns what reports whether a connection that is not in use is still
// good: nothing waits on it, not even its end. It does not block. It is nil where
// the connection cannot be asked.
func quietness(c net.Conn) func() bool {
	for {
		switch outer := c.(type) {
		case *patientConn:
			c = outer.Conn
			continue
		case *steadyConn:
			c = outer.Conn
			continue
		}
		break
	}
	holder, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := holder.SyscallConn()
	if err != nil {
		return nil
	}
	var quiet bool
	var one [1]byte
	look := func(descriptor uintptr) bool {
		_, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true // whatever it is, don't wait
	}
	return func() bool {
		quiet = false
		return raw.Read(look) == nil && quiet
	}
}
