package proxy

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// half is one direction of a relay.
type half struct {
	relay    *relay
	from, to net.Conn
	count    *atomic.Int64
	// lost is the end of a stream where from fails, and refused where to does.
	lost, refused streamEnd

	// small receives what comes after a silence, and nearly all of what people say
	// to each other. More than that is lent only while it is on its way.
	small [512]byte

	mu      sync.Mutex // held while writing to to
	frames  frames
	stopped bool // nothing more is written: a close frame was
}

func (h *half) init(r *relay, from, to net.Conn, count *atomic.Int64, lost, refused streamEnd) {
	h.relay, h.from, h.to, h.count, h.lost, h.refused = r, from, to, count, lost, refused
}

// run passes on what has come already, and then all that comes, until either side
// is gone.
func (h *half) run(early []byte) {
	end := h.refused
	defer func() {
		if fault := recover(); fault != nil {
			h.relay.streams.log.Error("panic", "request_id", h.relay.stream.id, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
			h.relay.sever()
		}
		h.relay.left(h, end)
	}()
	if h.pass(early) != nil {
		return
	}
	early = nil // it is not held as long as the stream is
	for {
		lost, err := h.step()
		if err != nil {
			if lost {
				end = h.lost
			}
			return
		}
	}
}

// step passes on what comes next. lost says that the error is one of reading.
func (h *half) step() (lost bool, err error) {
	buffer := h.small[:]
	if h.frames.payload > uint64(len(buffer)) { // only run writes it
		large := buffers.Get()
		defer buffers.Put(large)
		buffer = large
	}
	n, readErr := h.from.Read(buffer)
	if err := h.pass(buffer[:n]); err != nil {
		return false, err
	}
	return true, readErr
}

var errClosed = errors.New("the side has said its close")

// pass writes p as long as the stream is not to end. Where it is, what is left of
// the frame under way is written, then a close frame, and from then on nothing: what
// still comes is only followed, up to the side's own close frame.
func (h *half) pass(p []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		closing := h.relay.closing()
		if closing != nil && h.frames.between() {
			h.say(closing)
		}
		if len(p) == 0 {
			return nil
		}
		n := len(p)
		if closing != nil {
			n = h.frames.next(p)
		} else {
			h.follow(p)
		}
		if h.stopped && h.frames.closed {
			return errClosed
		}
		if !h.stopped {
			if _, err := h.to.Write(p[:n]); err != nil {
				return err
			}
			h.relay.stream.passed(h.count, n)
		}
		p = p[n:]
	}
}

func (h *half) follow(p []byte) {
	for len(p) > 0 {
		p = p[h.frames.next(p):]
	}
}

// stop says the close at once where no frame is under way.
func (h *half) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if closing := h.relay.closing(); closing != nil && h.frames.between() {
		h.say(closing)
	}
}

// say writes the close frame, unless the other side has said its own. h.mu is held.
func (h *half) say(end *streamEnd) {
	if h.stopped {
		return
	}
	h.stopped = true
	if h.frames.closed {
		return
	}
	// Frames towards a server are masked (RFC 6455, section 5.3).
	if _, err := h.to.Write(closeFrame(end.code, end.reason, h == &h.relay.in)); err == nil {
		_ = h.to.SetReadDeadline(time.Now().Add(closePatience)) // for its answer
	}
}

// saidClose reports whether a close frame of this side has passed.
func (h *half) saidClose() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.frames.closed
}
