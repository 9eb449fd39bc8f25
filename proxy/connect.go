package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"

	"golang.org/x/net/http/httpguts"
)

// connect opens a connection of its own to the upstream, for what outlives the
// exchange. Unlike those of the transport it bounds no write: a websocket may take
// what its reader takes.
func (u *Upstream) connect(ctx context.Context) (net.Conn, error) {
	connection, err := u.transport.DialContext(ctx, "tcp", u.address())
	if err != nil {
		return nil, err
	}
	if patient, ok := connection.(*patientConn); ok {
		connection = patient.Conn
	}
	if u.tls == nil {
		return connection, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	secure := tls.Client(connection, u.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return secure, nil
}

// websocketTLS is like what the transport has, which is the transport's own: it
// changes that with its first request. HTTP/2 has no upgrade.
func (u *Upstream) websocketTLS() *tls.Config {
	c := u.settings.Connection.TLS()
	c.NextProtos = []string{"http/1.1"}
	if c.ServerName == "" {
		c.ServerName = (&url.URL{Host: u.host}).Hostname()
	}
	return c
}

// address is where the upstream listens; a unix socket's does not count.
func (u *Upstream) address() string {
	target := &url.URL{Host: u.host}
	port := target.Port()
	switch {
	case port != "":
	case u.scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	address := net.JoinHostPort(target.Hostname(), port)
	if ascii, err := httpguts.PunycodeHostPort(address); err == nil {
		return ascii
	}
	return address
}
