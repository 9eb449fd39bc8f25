//go:build !unix

package proxy

import "net"

// keepsConns: whether a connection is still good cannot be asked here, and one of its
// own for each request would cost more than the goroutines of http.Transport.
const keepsConns = false

// quietness is nil, as for every connection that cannot be asked.
func quietness(net.Conn) func() bool { return nil }
