package proxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"postern/policy"
)

// isEventStream reports whether an answer goes on for as long as there are events.
// Clients take it for one whatever stands beside the type, in parameters that are
// none or in a list, so that nothing else of Content-Type counts.
func isEventStream(res *http.Response) bool {
	for _, field := range res.Header["Content-Type"] {
		for value := range strings.SplitSeq(field, ",") {
			kind, _, _ := strings.Cut(value, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") {
				return res.Request.Method != http.MethodHead
			}
		}
	}
	return false
}

// eventBody is the body of an event stream, which ends with its credential: for the
// client that is the ordinary end of the answer, and it asks again.
type eventBody struct {
	io.ReadCloser
	response *http.Response
	stream   *stream
	streams  *streams
	writer   *patientWriter

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
		writer: &x.writer, why: endClient,
	}
	b.stream.conduit = b
	if !x.handler.streams.add(b.stream, x.state) {
		return policy.Deny(policy.ShuttingDown, "")
	}
	res.Body = b
	// It may end before what was announced, and that end is none of a broken answer.
	res.ContentLength = -1
	delete(res.Header, "Content-Length")
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
	switch context.Cause(b.response.Request.Context()) {
	case nil:
		b.why = endUpstream
	case errRouteTimeout:
		b.why = endTimeout
	} // else the client is gone
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
		b.writer.hurry() // a client may read nothing
		_ = b.ReadCloser.Close()
	})
}

// sever implements conduit.
func (b *eventBody) sever() { b.finish(endDrain) }
