package gate

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// websocket is the protocol that a client may switch to (RFC 6455).
const websocket = "websocket"

// AsksWebsocket reports whether a client wants to switch to the websocket
// protocol, rightly or wrongly.
func AsksWebsocket(h http.Header) bool {
	return slices.ContainsFunc(splitList(h["Upgrade"], ","), func(protocol string) bool {
		return strings.EqualFold(protocol, websocket)
	})
}

// checkUpgrade holds a client that wants a websocket to the handshake of RFC 6455,
// section 4.2.1: what is only nearly one, some backends take for one.
func (d *Decision) checkUpgrade() error {
	r := d.request
	if d.Preflight || !d.Route.Websocket || !AsksWebsocket(r.Header) {
		return nil
	}
	r.Trace.Enter(authn.CheckUpgrade)
	for name := range r.Header {
		if canonical := policy.CanonicalAlias(name); canonical != name && strings.HasPrefix(canonical, "Sec-Websocket-") {
			return policy.Denyf(policy.MalformedRequest, "a header is another spelling of %s", canonical)
		}
	}
	connection := splitList(r.Header["Connection"], ",")
	fault := ""
	switch {
	case r.Method != http.MethodGet || r.Proto != "HTTP/1.1":
		fault = "a websocket begins with a GET of HTTP/1.1"
	case len(splitList(r.Header["Upgrade"], ",")) != 1:
		fault = "Upgrade names more than websocket"
	case !slices.ContainsFunc(connection, func(option string) bool { return strings.EqualFold(option, "upgrade") }):
		fault = "Connection does not name upgrade"
	case !isOnly(r.Header["Sec-Websocket-Version"], "13"):
		fault = "Sec-WebSocket-Version is not 13"
	case !isHandshakeKey(r.Header["Sec-Websocket-Key"]):
		fault = "Sec-WebSocket-Key is not one key of 16 bytes"
	case r.Body != nil:
		fault = "a websocket's handshake has no body"
	default:
		d.Upgrade = true
		return nil
	}
	return policy.Deny(policy.MalformedRequest, fault)
}

func isOnly(fields []string, value string) bool { return len(fields) == 1 && fields[0] == value }

func isHandshakeKey(fields []string) bool {
	if len(fields) != 1 {
		return false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(fields[0])
	return err == nil && len(key) == 16
}

// checkLapse keeps what lasts from beginning after the credential's end, where an
// ordinary request is still let through for the difference of clocks.
func (d *Decision) checkLapse() error {
	if !d.Upgrade {
		return nil
	}
	d.request.Trace.Enter(authn.CheckLapse)
	return d.Verified.Lapsed(d.request.Time)
}

// MarkerProtocol returns the subprotocol that the client put before its
// credential, as it wrote it, and "" where it did not: a browser wants one of
// those that it offered, and the backend may see no other.
func (d *Decision) MarkerProtocol() string {
	for _, protocol := range splitList(d.request.Header["Sec-Websocket-Protocol"], ",") {
		if slices.ContainsFunc(d.gate.carriers.protocols, func(marker string) bool { return strings.EqualFold(marker, protocol) }) {
			return protocol
		}
	}
	return ""
}
