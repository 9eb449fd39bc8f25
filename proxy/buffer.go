package proxy

import (
	"errors"
	"io"
	"sync/atomic"

	"postern/policy"
)

// bodyBudget bounds what the bodies that are being read take together.
type bodyBudget struct{ used atomic.Int64 }

// take reserves bytes and reports whether that stays within a limit.
func (b *bodyBudget) take(bytes, limit int64) bool {
	for {
		used := b.used.Load()
		if used+bytes > limit {
			return false
		}
		if b.used.CompareAndSwap(used, used+bytes) {
			return true
		}
	}
}

// firstBuffer is what a body gets before any of it has come. More is taken only
// as it arrives: what a client announces costs it nothing.
const firstBuffer = 4 << 10

// ReadAll implements gate.Body. What it reads is kept, to be sent upstream.
func (x *exchange) ReadAll(limit int64) ([]byte, error) {
	if x.length > limit {
		return nil, tooLarge(limit)
	}
	if x.length >= 0 {
		limit = x.length // no more will come
	}
	content, err := x.Hold(x.body, limit)
	if err == nil {
		x.buffered = content
		return content, nil
	}
	x.prefix = content
	switch denial := x.brokenBody(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, policy.Deny(policy.MalformedBody, "the body is cut short")
	case denial != nil:
		return nil, denial
	}
	return nil, err
}

// Hold implements gate.Body. With an error it returns what it has read so far.
func (x *exchange) Hold(r io.Reader, limit int64) ([]byte, error) {
	var buffer []byte
	for {
		if size := int64(cap(buffer)); int64(len(buffer)) == size {
			grown := min(max(2*size, firstBuffer), limit+1)
			if !x.handler.bodies.take(grown, x.state.bodyBytes) {
				return buffer, policy.Deny(policy.Overloaded, "")
			}
			buffer = append(make([]byte, 0, grown), buffer...)
			x.handler.bodies.used.Add(-size) // the buffer before
			x.reserved += grown - size
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case int64(len(buffer)) > limit:
			return buffer, tooLarge(limit)
		case err == io.EOF:
			return buffer, nil
		case err != nil:
			return buffer, err
		}
	}
}

func tooLarge(limit int64) error {
	return policy.Denyf(policy.BodyTooLarge, "a body may have %d bytes here", limit)
}

// resumedBody is a body of which the gate has read the beginning, and which
// goes on after all: a route that only reports streams what is too large for it.
type resumedBody struct {
	io.Reader
	io.Closer
}
