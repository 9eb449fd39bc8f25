package proxy

import (
	"net"
	"sync/atomic"
	"time"
)

// closePatience is how long a stream that ends may take: to reach the end of a
// frame, and then for each side to say its own goodbye.
const closePatience = time.Second

// relay is a websocket on its way through: the frames of each side go to the other
// as they come, and no buffer is held while nothing does.
type relay struct {
	stream           *stream
	streams          *streams
	client, upstream net.Conn
	in, out          half // from the client, and to it
	halves           atomic.Int32
	// why is set by whatever ends the stream first.
	why atomic.Pointer[streamEnd]
}

func newRelay(s *stream, l *streams, client, upstream net.Conn) *relay {
	r := &relay{stream: s, streams: l, client: client, upstream: upstream}
	r.in.init(r, r.client, r.upstream, &s.received, endClient, endUpstream)
	r.out.init(r, r.upstream, r.client, &s.sent, endUpstream, endClient)
	r.halves.Store(2)
	s.conduit, s.websocket = r, true
	return r
}

// start passes on what either side has sent already, and then all that comes.
func (r *relay) start(fromClient, fromUpstream []byte) {
	r.streams.running.Go(func() { r.in.run(fromClient) })
	r.streams.running.Go(func() { r.out.run(fromUpstream) })
}

// finish implements conduit: each side is told at the end of the frame under way.
func (r *relay) finish(end streamEnd) {
	if !r.why.CompareAndSwap(nil, &end) {
		return
	}
	r.hurry()
	// Either may have to wait for a write under way.
	r.streams.running.Go(r.in.stop)
	r.streams.running.Go(r.out.stop)
}

// sever implements conduit.
func (r *relay) sever() {
	r.why.CompareAndSwap(nil, &streamEnd{reason: endDrain.reason})
	r.hangUp()
}

// closing returns what the sides are to be told, nil for nothing.
func (r *relay) closing() *streamEnd {
	if end := r.why.Load(); end != nil && end.code != 0 {
		return end
	}
	return nil
}

// hurry bounds everything that is still to come. Errors are those of connections
// that are closed.
func (r *relay) hurry() {
	deadline := time.Now().Add(closePatience)
	for _, h := range []*half{&r.in, &r.out} {
		h.readUntil(deadline)
		_ = h.to.SetWriteDeadline(deadline)
	}
}

func (r *relay) hangUp() {
	_ = r.client.Close()
	_ = r.upstream.Close()
}

// left takes note that a half is over, because of end where nothing else was.
func (r *relay) left(h *half, end streamEnd) {
	r.why.CompareAndSwap(nil, &end)
	switch {
	case r.closing() != nil:
		_ = h.from.Close() // it was told, or has no time left
	case h.saidClose.Load() && !h.other().saidClose.Load():
		r.hurry() // the other side may still answer
	default:
		r.hangUp()
	}
	if r.halves.Add(-1) == 0 {
		r.hangUp()
		r.streams.left(r.stream, *r.why.Load())
	}
}
