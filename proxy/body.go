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
//
// Full duplex (see http.ResponseController) would pass on at once an answer that
// comes before the body's end; but net/http then panics where it meets that end
// itself, between two requests.
type inboundBody struct {
	control http.ResponseController
	body    io.Reader
	room    int64 // how many more bytes there may be; negative for any number
	// multiplexed: it comes by HTTP/2, where a deadline that passes ends the body
	// also while nobody reads.
	multiplexed bool

	mu      sync.Mutex
	left    time.Duration // for which reads may still wait for the client
	began   time.Time     // of the read under way
	reading bool
	// released: the upstream has answered, and the time is its business.
	released bool
	whole    bool // read to its end
	closed   bool
	err      error
}

// newInboundBody gives the client patience to send a body. Only the waiting for
// the client counts: an upstream that takes its time is not the client's fault.
func newInboundBody(w http.ResponseWriter, body io.Reader, patience time.Duration) *inboundBody {
	return &inboundBody{control: *http.NewResponseController(w), left: patience, body: body, room: -1}
}

// Read implements io.Reader.
func (b *inboundBody) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	if b.room >= 0 && int64(n) > b.room {
		n, err = int(b.room), errTooLong
	}
	if b.room >= 0 {
		b.room -= int64(n)
	}
	b.end(err)
	return n, err
}

var errTooLong = errors.New("the body is longer than the route allows")

func (b *inboundBody) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.whole:
		// The transport looks for more while the upstream may have answered, when
		// net/http has closed the body: that would be taken for the client's fault.
		return io.EOF
	case b.closed:
		return http.ErrBodyReadAfterClose
	}
	b.reading, b.began = true, time.Now()
	if b.released {
		return nil
	}
	return b.setDeadline(b.began.Add(b.limit()))
}

// limit returns how long the next bytes may take.
func (b *inboundBody) limit() time.Duration { return max(0, min(progressTimeout, b.left)) }

// longAgo is a deadline that ends every read. Before net/http answers it wants
// to read the rest of a body, and has no bound of its own for the wait.
var longAgo = time.Unix(1, 0)

func (b *inboundBody) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.left -= time.Since(b.began)
	switch {
	case b.closed:
	case err == nil:
		if b.multiplexed {
			_ = b.setDeadline(time.Time{})
		}
	case err == io.EOF:
		b.whole = true
		// A deadline left behind would cut off the wait for the answer, or the
		// next request on this connection.
		_ = b.setDeadline(time.Time{})
	default:
		b.err = err
		_ = b.setDeadline(longAgo)
	}
}

// answer notes that the upstream has answered. What of a body still comes by HTTP/2
// may then take as long as the upstream lets it: in a call of gRPC both sides may be
// silent for hours. In HTTP/1.1 the time goes on, since net/http sends no answer
// before the body's end.
func (b *inboundBody) answer() {
	if b == nil || !b.multiplexed {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	if b.reading && !b.closed {
		_ = b.setDeadline(time.Time{})
	}
}

// setDeadline ignores connections that have none, such as those of tests.
func (b *inboundBody) setDeadline(at time.Time) error {
	if err := b.control.SetReadDeadline(at); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// hurriedBody is how long the rest may take of a body that there is no room for.
const hurriedBody = time.Second

// hurry leaves little time for the rest of a body. Before and after it answers,
// net/http waits for that: a slow body that is refused for want of room would take
// up its connection as long as one that is read.
func (b *inboundBody) hurry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left, hurriedBody)
}

// Close implements io.Closer. It ends a read that still waits for the client,
// and leaves the body itself to net/http, which reads a rest of it, now in
// bounds, to use the connection for the next request.
func (b *inboundBody) Close() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed || b.whole:
	case b.reading || b.err != nil:
		_ = b.setDeadline(longAgo)
	default:
		_ = b.setDeadline(time.Now().Add(b.limit()))
	}
	b.closed = true
	return nil
}

// ended reports whether the body was read to its end; having none is one.
func (b *inboundBody) ended() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
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
