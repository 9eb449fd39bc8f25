package proxy

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"postern/policy"
)

// bodyBudget bounds what the bodies that are read take together.
type bodyBudget struct {
	all atomic.Int64
	// unverified is what is held for requests of which nobody knows yet whom they
	// are from. It has a quarter, so that strangers cannot shut out customers.
	unverified atomic.Int64
}

// take adds bytes to a count and reports whether that stays within a limit.
func take(count *atomic.Int64, bytes, limit int64) bool {
	for {
		used := count.Load()
		if used+bytes > limit {
			return false
		}
		if count.CompareAndSwap(used, used+bytes) {
			return true
		}
	}
}

// holding is one exchange's part of the budget. It is safe for concurrent use.
type holding struct {
	budget *bodyBudget
	limit  int64

	mu              sync.Mutex
	all, unverified int64
}

func (h *holding) take(bytes int64, verified bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !take(&h.budget.all, bytes, h.limit) {
		return false
	}
	h.all += bytes
	if verified {
		return true
	}
	if !take(&h.budget.unverified, bytes, h.limit/4) {
		h.give(bytes, 0)
		return false
	}
	h.unverified += bytes
	return true
}

// drop gives back bytes that were taken.
func (h *holding) drop(bytes int64, verified bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if verified {
		h.give(bytes, 0)
	} else {
		h.give(bytes, bytes)
	}
}

// give gives bytes back. h.mu is held.
func (h *holding) give(all, unverified int64) {
	h.budget.all.Add(-all)
	h.budget.unverified.Add(-unverified)
	h.all, h.unverified = h.all-all, h.unverified-unverified
}

// end gives everything back.
func (h *holding) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(h.all, h.unverified)
}

// Reserve implements gate.Body.
func (x *exchange) Reserve(bytes int64) error {
	if !x.holding.take(bytes, x.verified()) {
		return policy.Deny(policy.Overloaded, "")
	}
	return nil
}

// verified reports whether a credential of the request has been verified.
func (x *exchange) verified() bool {
	v := x.decision.Verified
	return v != nil && v.Level > policy.Anonymous
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
	content, err := x.Buffer(x.body, limit)
	x.held, x.whole = &heldBody{content: content, holding: &x.holding}, err == nil
	if err == nil {
		return content, nil
	}
	switch denial := x.brokenBody(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, policy.Deny(policy.MalformedBody, "the body is cut short")
	case denial != nil:
		return nil, denial
	}
	return nil, err
}

// Buffer implements gate.Body.
func (x *exchange) Buffer(r io.Reader, limit int64) ([]byte, error) {
	var buffer []byte
	for {
		if size := int64(cap(buffer)); int64(len(buffer)) == size {
			grown := min(max(2*size, firstBuffer), limit+1)
			if err := x.Reserve(grown); err != nil {
				return buffer, err
			}
			buffer = append(make([]byte, 0, grown), buffer...)
			x.holding.drop(size, x.verified()) // the buffer before
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

// heldBody is what the gate has read of a body, on its way upstream. It is let go
// as soon as the upstream has it and answers: the answer may take as long as its
// reader likes.
type heldBody struct {
	holding *holding

	mu       sync.Mutex
	content  []byte
	readers  int // that are open
	answered bool
}

// open returns a reader of the whole content. The transport may need several:
// it sends a request again where nothing of it has arrived.
func (h *heldBody) open() io.ReadCloser {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers++
	return &heldReader{body: h, rest: bytes.NewReader(h.content)}
}

// answer notes that the upstream has answered, and needs no body sent again.
func (h *heldBody) answer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = true
	h.settle()
}

// settle lets the content go where nobody needs it. h.mu is held.
func (h *heldBody) settle() {
	if h.answered && h.readers == 0 {
		h.content = nil
		h.holding.end()
	}
}

// heldReader may be closed while it is read.
type heldReader struct {
	body *heldBody

	mu   sync.Mutex
	rest *bytes.Reader // nil once it is closed
}

// Read implements io.Reader.
func (r *heldReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest == nil {
		return 0, errReadAfterClose
	}
	return r.rest.Read(p)
}

var errReadAfterClose = errors.New("the body is closed")

// Close implements io.Closer.
func (r *heldReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest == nil {
		return nil
	}
	r.rest = nil
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	r.body.readers--
	r.body.settle()
	return nil
}

// resumedBody is a body of which the gate has read the beginning, and which
// goes on after all: a route that only reports streams what is too large for it.
type resumedBody struct {
	io.Reader
	begin io.Closer
	rest  io.Closer
}

// Close implements io.Closer.
func (b *resumedBody) Close() error {
	return errors.Join(b.begin.Close(), b.rest.Close())
}
