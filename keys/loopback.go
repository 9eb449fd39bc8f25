package keys

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
)

// IsLoopback reports whether the host of a URL is this machine by its name or
// address. Only [LoopbackOnly] knows where the name leads.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// LoopbackOnly is a Control of [net.Dialer] that keeps plain text on this machine,
// even where a name that should mean it, localhost, is resolved to another one.
func LoopbackOnly(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().Unmap().IsLoopback() {
		return errors.New("the name does not lead to this machine")
	}
	return nil
}
