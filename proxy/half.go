package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	// until is when reading from must have ended, nil for no bound.
	until atomic.Pointer[time.Time]
	// saidClose: a close frame of from has reached to.
	saidClose atomic.Bool

	mu      sync.Mutex // held while writing to to
	frames  frames
	stopped bool // nothing more is written: a close frame was
}

func (h *half) init(r *relay, from, to net.Conn, count *atomic.Int64, lost, refused streamEnd) {
	h.relay, h.from, h.to, h.count, h.lost, h.refused = r, from, to, count, lost, refused
}

// other returns the other direction.
func (h *half) other() *half {
	if h == &h.relay.in {
		return &h.relay.out
	}
	return &h.relay.in
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
	n, readErr := h.from.Read(h.small[:])
	if err := h.pass(h.small[:n]); err != nil {
		return false, err
	}
	if n < len(h.small) || readErr != nil {
		return true, readErr
	}
	return h.rush()
}

// lull is how long a side may pause before the large buffer is taken from it.
const lull = 10 * time.Millisecond

// rush passes on what comes without a pause: no side, whatever it announces, holds
// a large buffer by being silent.
func (h *half) rush() (lost bool, err error) {
	large := buffers.Get()
	defer buffers.Put(large)
	for n := len(large); n > len(h.small) && h.until.Load() == nil; {
		_ = h.from.SetReadDeadline(time.Now().Add(lull))
		var readErr error
		n, readErr = h.from.Read(large)
		h.unhurry()
		if err := h.pass(large[:n]); err != nil {
			return false, err
		}
		if readErr != nil && !errors.Is(readErr, os.ErrDeadlineExceeded) {
			return true, readErr
		}
	}
	return false, nil
}

// unhurry takes back the bound of a lull. One of the stream's end that comes at the
// same time is either seen here or set afterwards.
func (h *half) unhurry() {
	_ = h.from.SetReadDeadline(time.Time{})
	if until := h.until.Load(); until != nil {
		_ = h.from.SetReadDeadline(*until)
	}
}

// readUntil bounds the reading. Errors are those of connections that are closed.
func (h *half) readUntil(deadline time.Time) {
	h.until.Store(&deadline)
	_ = h.from.SetReadDeadline(deadline)
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
			h.saidClose.Store(h.frames.closed)
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
		h.other().readUntil(time.Now().Add(closePatience)) // for its answer
	}
}
