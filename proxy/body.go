package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// progressTimeout is how long a body may stand still.
const progressTimeout = 10 * time.Second

// inboundBody is a client's body on its way upstream. It bounds the time that
// the body takes, and remembers why reading it failed: to the transport that
// reads it, a client's fault and the upstream's look alike.
//
// The transport may read from a goroutine that outlives the handler, so that
// nothing here may touch the connection once Close has returned.
type inboundBody struct {
	control  *http.ResponseController
	deadline time.Time

	body     io.ReadCloser
	closing  sync.Once
	closeErr error

	mu      sync.Mutex
	reading bool
	ended   bool // read to its end, or as far as it can be
	closed  bool
	err     error
}

func newInboundBody(w http.ResponseWriter, body io.ReadCloser, deadline time.Time) *inboundBody {
	return &inboundBody{control: http.NewResponseController(w), deadline: deadline, body: body}
}

// Read implements io.Reader.
func (b *inboundBody) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	b.end(err)
	return n, err
}

func (b *inboundBody) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return http.ErrBodyReadAfterClose
	}
	b.reading = true
	limit := time.Now().Add(progressTimeout)
	if b.deadline.Before(limit) {
		limit = b.deadline
	}
	return b.setDeadline(limit)
}

func (b *inboundBody) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if err == nil || b.closed {
		return
	}
	b.ended = true
	if err != io.EOF {
		b.err = err
	}
	// A deadline left behind would cut off the wait for the answer, or the
	// next request on this connection.
	_ = b.setDeadline(time.Time{})
}

// setDeadline ignores connections that have none, such as those of tests.
func (b *inboundBody) setDeadline(at time.Time) error {
	if err := b.control.SetReadDeadline(at); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// Close implements io.Closer; whoever calls it waits for its end. The server
// reads on for a while, to keep the connection for the next request, and a read
// may still wait for the client: neither may take for ever.
func (b *inboundBody) Close() error {
	b.closing.Do(func() {
		b.closeErr = b.close()
	})
	return b.closeErr
}

func (b *inboundBody) close() error {
	b.mu.Lock()
	b.closed = true
	switch {
	case b.reading:
		_ = b.setDeadline(time.Unix(1, 0))
	case !b.ended:
		_ = b.setDeadline(time.Now().Add(progressTimeout))
	}
	b.mu.Unlock()
	err := b.body.Close()
	_ = b.setDeadline(time.Time{})
	return err
}

// failure returns why the body could not be read to its end, nil where it was
// or is still being read.
func (b *inboundBody) failure() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
