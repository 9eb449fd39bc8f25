package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// directTransport sends small requests to an upstream in plain text, without a body or
// with one that is in memory, and all others through the transport that it stands
// before. [http.Transport] gives each connection two goroutines, one that writes and
// one that reads, so that an answer may come while a body is still being sent; where
// a request leaves at once, the goroutine that asks can do both, and spares waking
// them.
//
// What goes over the wire is written and read by net/http in either case. All
// requests go to the one address, whatever host their URLs name. It is safe for
// concurrent use.
type directTransport struct {
	*http.Transport
	address string
	idle    idleConns
}

// RoundTrip implements http.RoundTripper.
func (t *directTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Close || !leavesAtOnce(r) {
		return t.Transport.RoundTrip(r)
	}
	defer closeBody(r)
	ctx := r.Context()
	for ctx.Err() == nil {
		c := t.idle.take()
		reused := c != nil
		if !reused {
			raw, err := t.DialContext(ctx, "tcp", t.address)
			if err != nil {
				return nil, failureOf(ctx, err)
			}
			c = newKeptConn(raw)
		}
		response, err := t.exchange(c, r)
		if err == nil {
			return response, nil
		}
		c.close()
		// An upstream may close a connection that it has not used for long in the moment
		// in which a request leaves; one that has not arrived, or that may arrive twice,
		// is sent again. One that is slow has the request, and is not asked once more.
		// Each failure takes a connection away, so that this ends.
		stale := reused && !c.heard && !errors.Is(err, os.ErrDeadlineExceeded)
		if !stale || c.written > 0 && !isSafe(r.Method) {
			return nil, failureOf(ctx, err)
		}
		if r.Body != nil {
			again := *r
			if again.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
			r = &again
			defer closeBody(r)
		}
	}
	return nil, context.Cause(ctx)
}

// closeBody is for what is not sent; r.Write closes what is.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// maxAtOnce is what the system takes of a request without waiting for the upstream to
// read, in bytes. Beyond it an answer may come while a request is still being
// written, for which two goroutines are needed.
const maxAtOnce = 32 << 10

// leavesAtOnce reports whether a request can be written at once. What is no header is left
// to http.Transport, too: it refuses a method, which by HTTP/2 may hold a space, or a
// field that would change what comes after it. So is a body that waits for the
// upstream to want it.
func leavesAtOnce(r *http.Request) bool {
	size := 3*len(r.URL.Path) + len(r.URL.RawQuery) // at most, once escaped
	if r.Body != nil {
		if r.GetBody == nil || r.ContentLength <= 0 || r.ContentLength > maxAtOnce || len(r.TransferEncoding) > 0 || r.Header["Expect"] != nil {
			return false
		}
		size += int(r.ContentLength)
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return false
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return false
			}
			size += len(name) + len(": \r\n") + len(value)
		}
	}
	// A method is a token, as the name of a field is.
	return size <= maxAtOnce && httpguts.ValidHeaderFieldName(r.Method)
}

// isSafe reports whether a request of the method may arrive twice (RFC 9110,
// section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// failureOf returns what ended a request: its context, or else err.
func failureOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// exchange sends a request on a connection, and returns its answer, whose body gives
// the connection back. Where it fails the connection is of no further use.
func (t *directTransport) exchange(c *keptConn, r *http.Request) (*http.Response, error) {
	c.heard, c.written, c.room = false, 0, maxAnswerHeader
	release := context.AfterFunc(r.Context(), c.close)
	response, err := t.ask(c, r)
	if err != nil {
		release()
		return nil, err
	}
	body := &directBody{ReadCloser: response.Body, ctx: r.Context(), idle: &t.idle, connection: c, release: release, last: response.Close}
	if response.Body == http.NoBody {
		body.finish()
	} else {
		response.Body = body
	}
	return response, nil
}

// ask writes a request, and reads the header of the answer.
func (t *directTransport) ask(c *keptConn, r *http.Request) (*http.Response, error) {
	if err := c.send(r); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(t.ResponseHeaderTimeout)
	if err := c.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	response, err := readAnswer(c, r)
	switch {
	case err == nil:
		return response, c.SetReadDeadline(time.Time{})
	case !time.Now().Before(deadline):
		return nil, errHeaderTimeout // of half a line net/http would say that it is malformed
	}
	return nil, err
}

// errHeaderTimeout says what http.Transport says.
var errHeaderTimeout = fmt.Errorf("timeout awaiting response headers: %w", os.ErrDeadlineExceeded)

// readAnswer reads the header of the answer, and passes on informational ones
// before it.
func readAnswer(c *keptConn, r *http.Request) (*http.Response, error) {
	if _, err := c.reader.Peek(1); err != nil {
		return nil, err
	}
	c.heard = true
	trace := httptrace.ContextClientTrace(r.Context())
	for {
		response, err := http.ReadResponse(c.reader, r)
		if err != nil {
			return nil, err
		}
		if code := response.StatusCode; code < 100 || code >= 200 || code == http.StatusSwitchingProtocols {
			if code < 200 {
				// It switches to what nobody asked for, or is no status: the connection's end.
				response.Body, response.Close = http.NoBody, true
			}
			c.room = math.MaxInt64
			return response, nil
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header)); err != nil {
				return nil, err
			}
			c.room = maxAnswerHeader // each may be as large, and all have the same time
		}
	}
}

// directBody is the body of an answer. At its end the connection is free for the
// next request; closed before, it is at its end, too. It may be closed while it is
// read.
type directBody struct {
	io.ReadCloser
	ctx        context.Context // of the request
	idle       *idleConns
	connection *keptConn
	// release keeps the end of the request's context from closing the connection, and
	// reports whether that was in time.
	release func() bool
	last    bool // answer on the connection
	over    atomic.Bool
	closed  atomic.Bool
}

// Read implements io.Reader.
func (b *directBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose // some may have come already
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.finish()
	case err != nil:
		err = failureOf(b.ctx, err)
	}
	return n, err
}

// finish gives the connection back, unless something is left on it.
func (b *directBody) finish() {
	if b.over.Swap(true) {
		return
	}
	if b.release() && !b.last && b.connection.reader.Buffered() == 0 {
		b.idle.put(b.connection)
		return
	}
	b.connection.close()
}

// Close implements io.Closer. What is left of the body is not waited for.
func (b *directBody) Close() error {
	b.closed.Store(true)
	if !b.over.Swap(true) {
		b.release()
		b.connection.close()
	}
	return nil
}
