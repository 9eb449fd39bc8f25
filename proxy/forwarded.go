package proxy

import (
	"crypto/rand"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"

	"postern/policy"
)

// identifyClient finds out who is at the other end: the peer itself, or the
// client of trusted proxies.
func (x *exchange) identifyClient(r *http.Request) {
	// A unix socket's peer has no address; it stays the zero Addr.
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.peer = peer.Addr().Unmap()
	}
	x.client = x.peer
	if len(x.state.trusted) == 0 || !x.state.trusts(x.peer) {
		return
	}
	x.trusted = true
	x.client = x.state.clientBehind(x.peer, r.Header)
}

func (s *State) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.trusted, func(c CIDR) bool { return c.Contains(addr) })
}

// clientBehind walks the addresses that proxies appended from the right, as
// each trusted one vouches for the address to its left. What lies further left
// is the client's own invention.
func (s *State) clientBehind(peer netip.Addr, h http.Header) netip.Addr {
	client := peer
	for _, text := range slices.Backward(forwardedFor(h)) {
		addr, err := parseForwardedAddr(text)
		if err != nil {
			break
		}
		client = addr
		if !s.trusts(client) {
			break
		}
	}
	return client
}

// forwardedFor returns what proxies appended, in order: X-Forwarded-For, or
// where there is none the for parameters of Forwarded (RFC 7239, section 5.2),
// "" for an element without one.
func forwardedFor(h http.Header) []string {
	var list []string
	for _, field := range h["X-Forwarded-For"] {
		list = append(list, strings.Split(field, ",")...)
	}
	if list != nil {
		return list
	}
	for _, field := range h["Forwarded"] {
		for _, element := range splitUnquoted(field, ',') {
			address := ""
			for _, pair := range splitUnquoted(element, ';') {
				if name, value, _ := strings.Cut(pair, "="); strings.EqualFold(strings.TrimSpace(name), "for") {
					address = value
				}
			}
			list = append(list, address)
		}
	}
	return list
}

// splitUnquoted splits at a separator outside of quoted strings (RFC 9110, section
// 5.6.4), in which a proxy may repeat what its client sent, as host="a, for=b". It
// reads from the right: a quote that the client left open must not swallow what
// the proxy wrote behind it.
func splitUnquoted(s string, separator byte) (parts []string) {
	end, quoted := len(s), false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"' && (len(s[:i])-len(strings.TrimRight(s[:i], `\`)))%2 == 0:
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts = append(parts, s[i+1:end])
			end = i
		}
	}
	parts = append(parts, s[:end])
	slices.Reverse(parts)
	return parts
}

// parseForwardedAddr reads an address with or without quotes, brackets and a
// port, as proxies write it. A zone, which may be any text, means nothing here.
func parseForwardedAddr(text string) (netip.Addr, error) {
	text = strings.Trim(text, " \t\"")
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err
}

// setForwarded tells the upstream where the request came from. httputil has
// removed what the client said before rewrite runs; a trusted proxy's word is
// put back, and its list of addresses extended by its own. Forwarded is not sent
// on: a backend should have one list to read, not two.
func (x *exchange) setForwarded(p *httputil.ProxyRequest) {
	out := p.Out.Header
	chain, proto, host := "", "http", p.In.Host
	if p.In.TLS != nil {
		proto = "https"
	}
	if x.trusted {
		// Not X-Original-Url and the like: proxies pass on a client's own, and a
		// backend that believes them serves another path than the one checked.
		for name, values := range p.In.Header {
			isFamily := strings.HasPrefix(name, "X-Forwarded-") && policy.CanonicalAlias(name) == name || name == "X-Real-Ip"
			if isFamily && x.decision.PassesForwarding(name) {
				out[name] = values
			}
		}
		chain = strings.Join(p.In.Header["X-Forwarded-For"], ", ")
		if chain == "" && x.client != x.peer {
			chain = x.client.String() // it was in Forwarded
		}
		if said := p.In.Header["X-Forwarded-Proto"]; len(said) == 1 {
			proto = said[0]
		}
		if said := p.In.Header["X-Forwarded-Host"]; len(said) == 1 {
			host = said[0]
		}
	}
	if x.peer.IsValid() {
		if chain != "" {
			chain += ", "
		}
		chain += x.peer.String()
	}
	values := [...]string{chain, proto, host, x.request.ID}
	for i, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id"} {
		if values[i] == "" {
			delete(out, name)
		} else {
			out[name] = values[i : i+1 : i+1]
		}
	}
	delete(out, "Forwarded")
}

// requestID takes a trusted proxy's id where it is a plain word, and otherwise
// makes one up.
func requestID(r *http.Request, trusted bool) string {
	if ids := r.Header["X-Request-Id"]; trusted && len(ids) == 1 && isPlainID(ids[0]) {
		return ids[0]
	}
	return rand.Text()
}

func isPlainID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.:/+=@", r))
	})
}
