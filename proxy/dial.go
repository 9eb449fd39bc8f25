package proxy

import (
	"context"
	"net"
	"time"
)

const dialTimeout = 5 * time.Second

// dialer connects to an upstream, whose address is fixed where network is unix.
// What it returns does not wait for ever for an upstream that reads nothing:
// http.Transport bounds the wait for an answer only once the request is written.
func dialer(unixSocket string, patience time.Duration) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if unixSocket != "" {
			network, address = "unix", unixSocket
		}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patientConn{&steadyConn{Conn: c}, patience}, nil
	}
}

// patientConn bounds each write.
type patientConn struct {
	net.Conn
	patience time.Duration
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
