package proxy

import (
	"crypto/rand"
	"encoding/binary"
)

// frames follows the frames of a websocket (RFC 6455, section 5.2) in one
// direction, as far as to know where one ends: it holds none of their content. The
// zero value stands before the first frame.
type frames struct {
	part   framePart
	length uint8 // bytes to come of the extended payload length
	opcode byte
	// payload is the length of the frame's payload, or what is still to come of it.
	payload uint64
	mask    uint8 // bytes to come of the masking key
	closed  bool  // a whole close frame has passed
}

// framePart is what of a frame comes next.
type framePart uint8

const (
	frameStart framePart = iota
	frameLength
	frameExtendedLength
	frameMask
	framePayload
)

const opcodeClose = 8

// next follows p to the end of the frame that goes on in it, or begins with it, and
// returns how many bytes that is; all of them where the frame does not end in p.
func (f *frames) next(p []byte) int {
	for i := 0; i < len(p); {
		switch f.part {
		case frameStart:
			f.opcode, f.part = p[i]&0x0f, frameLength
			i++
		case frameLength:
			f.begin(p[i])
			i++
		case frameExtendedLength:
			f.payload = f.payload<<8 | uint64(p[i])
			f.length--
			i++
		case frameMask:
			f.mask--
			i++
		case framePayload:
			n := min(f.payload, uint64(len(p)-i))
			f.payload -= n
			i += int(n)
		}
		if f.settle() {
			return i
		}
	}
	return len(p)
}

// begin reads a frame's second byte.
func (f *frames) begin(b byte) {
	f.part, f.payload = frameExtendedLength, 0
	if b&0x80 != 0 {
		f.mask = 4
	}
	switch length := b & 0x7f; length {
	case 126:
		f.length = 2
	case 127:
		f.length = 8
	default:
		f.payload = uint64(length)
	}
}

// settle goes on to the next part that is not empty, and reports whether the frame
// is at its end.
func (f *frames) settle() bool {
	if f.part == frameExtendedLength && f.length == 0 {
		f.part = frameMask
	}
	if f.part == frameMask && f.mask == 0 {
		f.part = framePayload
	}
	if f.part != framePayload || f.payload > 0 {
		return false
	}
	f.part = frameStart
	f.closed = f.closed || f.opcode == opcodeClose
	return true
}

// between reports whether no frame is under way.
func (f *frames) between() bool { return f.part == frameStart }

// maxCloseReason is what a control frame has room for beside the code (RFC 6455,
// section 5.5).
const maxCloseReason = 125 - 2

// closeFrame makes a close frame (RFC 6455, section 5.5.1), masked where it is
// for a server.
func closeFrame(code uint16, reason string, masked bool) []byte {
	reason = reason[:min(len(reason), maxCloseReason)]
	frame := []byte{0x80 | opcodeClose, byte(2 + len(reason))}
	payload := append(binary.BigEndian.AppendUint16(nil, code), reason...)
	if !masked {
		return append(frame, payload...)
	}
	var key [4]byte
	_, _ = rand.Read(key[:]) // never fails
	frame[1] |= 0x80
	frame = append(frame, key[:]...)
	for i, b := range payload {
		frame = append(frame, b^key[i%len(key)])
	}
	return frame
}
