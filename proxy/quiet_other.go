//go:build !unix

package proxy

import "net"

// quietness is nil: whether a connection is still good cannot be asked here, so that
// none is kept.
func quietness(net.Conn) func() bool { return nil }
