package proxy

import (
	"bufio"
	"bytes"
	"net/http"
	"time"

	"postern/policy"
)

// relay takes over the client's connection, tells it of the switch, and lets the
// websocket go on by itself: the exchange is over then.
func (x *exchange) relay(to *switched) {
	begun := false
	defer func() {
		if !begun {
			_ = to.connection.Close()
		}
	}()
	if x.failure = x.lapsed(time.Now()); x.failure != nil {
		return
	}
	client, buffered, err := http.NewResponseController(&x.writer).Hijack()
	if err != nil {
		x.failure = &policy.Denial{Reason: policy.Internal, Err: err}
		return
	}
	defer func() {
		if !begun {
			_ = client.Close()
		}
	}()
	x.status = http.StatusSwitchingProtocols
	_ = client.SetWriteDeadline(time.Now().Add(dialTimeout)) // where it fails, writing does
	if _, err := client.Write(x.switching(to.header)); err != nil {
		x.failure = &policy.Denial{Reason: policy.ClientClosed}
		return
	}
	_ = client.SetWriteDeadline(time.Time{})
	s := x.newStream()
	r := newRelay(s, x.handler.streams, client, to.connection)
	if begun = x.handler.streams.add(s, x.state); begun {
		r.start(readAhead(buffered.Reader), readAhead(to.reader))
	}
}

// lapsed denies what lasts to a credential whose end has come meanwhile.
func (x *exchange) lapsed(now time.Time) *policy.Denial {
	if x.decision.Reported != nil || x.decision.Route.Reports(now) {
		return nil
	}
	return policy.AsDenial(x.decision.Verified.Lapsed(now))
}

// readAhead returns what a reader has read ahead.
func readAhead(r *bufio.Reader) []byte {
	ahead, _ := r.Peek(r.Buffered()) // never more than there is
	return bytes.Clone(ahead)
}

// connectionFields are between the upstream and Postern alone; a 101 has no body
// (RFC 9110, sections 6.4.1 and 7.6.1).
var connectionFields = []string{"Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Te", "Trailer",
	"Transfer-Encoding", "Content-Length"}

// switching renders the 101 for the client.
func (x *exchange) switching(h http.Header) []byte {
	for _, name := range connectionFields {
		delete(h, name)
	}
	removeOwn(h)
	if marker := x.decision.MarkerProtocol(); marker != "" && len(h["Sec-Websocket-Protocol"]) == 0 {
		h["Sec-Websocket-Protocol"] = []string{marker}
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
	_ = h.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	return head.Bytes()
}
