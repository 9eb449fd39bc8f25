package proxy

import (
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"postern/policy"
)

// isEventStream reports whether an answer goes on for as long as there are events.
func isEventStream(res *http.Response) bool {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return err == nil && kind == "text/event-stream" && res.Request.Method != http.MethodHead
}

// eventBody is the body of an event stream, which ends with its credential: for the
// client that is the ordinary end of the answer, and it asks again.
type eventBody struct {
	io.ReadCloser
	response *http.Response
	stream   *stream
	streams  *streams
	control  *http.ResponseController

	mu     sync.Mutex
	why    streamEnd
	ended  bool // by us
	closed bool
}

// openEvents makes an answer's body one that ends with its credential.
func (x *exchange) openEvents(res *http.Response) error {
	if denial := x.lapsed(x.answered); denial != nil {
		return denial
	}
	b := &eventBody{
		ReadCloser: res.Body, response: res, stream: x.newStream(), streams: x.handler.streams,
		control: http.NewResponseController(x.writer), why: endClient,
	}
	b.stream.conduit = b
	if !x.handler.open(b.stream, x.state) {
		return policy.Deny(policy.ShuttingDown, "")
	}
	res.Body = b
	return nil
}

// Read implements io.Reader.
func (b *eventBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.stream.passed(&b.stream.sent, n)
	if err == nil {
		return n, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return n, io.EOF
	}
	if b.response.Request.Context().Err() == nil {
		b.why = endUpstream // else the client is gone
	}
	return n, err
}

// Close implements io.Closer.
func (b *eventBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	if b.ended {
		_ = b.control.SetWriteDeadline(time.Time{}) // the connection goes on
	}
	b.streams.left(b.stream, b.why)
	return b.ReadCloser.Close()
}

// finish implements conduit. A read that waits for the upstream ends with its body.
func (b *eventBody) finish(end streamEnd) {
	b.streams.running.Go(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.closed {
			return
		}
		b.why, b.ended = end, true
		_ = b.control.SetWriteDeadline(time.Now().Add(closePatience)) // for a client that reads nothing
		_ = b.ReadCloser.Close()
	})
}

// sever implements conduit.
func (b *eventBody) sever() { b.finish(endDrain) }
