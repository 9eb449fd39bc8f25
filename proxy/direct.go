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
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// directTransport sends requests without a body to an upstream in plain text, and
// all others through the transport that it stands before. [http.Transport] gives
// each connection two goroutines, one that writes and one that reads, so that an
// answer may come while a body is still being sent; where there is no body, the
// goroutine that asks can do both, and spares waking them.
//
// What goes over the wire is written and read by net/http in either case. It is
// safe for concurrent use.
type directTransport struct {
	*http.Transport
	address string
	idle    idleConns
}

// RoundTrip implements http.RoundTripper.
func (t *directTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil || r.Close {
		return t.Transport.RoundTrip(r)
	}
	if err := checkFields(r.Header); err != nil {
		return nil, err
	}
	for {
		c := t.idle.take()
		reused := c != nil
		if !reused {
			raw, err := t.DialContext(r.Context(), "tcp", t.address)
			if err != nil {
				return nil, failureOf(r.Context(), err)
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
		// is sent again. Each failure takes a connection away, so that this ends.
		again := reused && !c.heard && (c.written == 0 || isSafe(r.Method))
		if !again || r.Context().Err() != nil {
			return nil, failureOf(r.Context(), err)
		}
	}
}

// checkFields refuses what cannot be written as a header, as http.Transport does.
func checkFields(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return errors.New("invalid header field name")
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("invalid header field value for %q", name)
			}
		}
	}
	return nil
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
	body := &directBody{ReadCloser: response.Body, idle: &t.idle, connection: c, release: release, last: response.Close}
	if response.Body == http.NoBody {
		body.finish()
	} else {
		response.Body = body
	}
	return response, nil
}

// ask writes a request, and reads the header of the answer.
func (t *directTransport) ask(c *keptConn, r *http.Request) (*http.Response, error) {
	if err := r.Write(c.writer); err != nil {
		return nil, err
	}
	if err := c.writer.Flush(); err != nil {
		return nil, err
	}
	if err := c.SetReadDeadline(time.Now().Add(t.ResponseHeaderTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.reader.Peek(1); err != nil {
		return nil, err
	}
	c.heard = true
	trace := httptrace.ContextClientTrace(r.Context())
	for range maxInterim + 1 {
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
			return response, c.SetReadDeadline(time.Time{})
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("too many informational answers")
}

// directBody is the body of an answer. At its end the connection is free for the
// next request; closed before, it is at its end, too. It may be closed while it is
// read.
type directBody struct {
	io.ReadCloser
	idle       *idleConns
	connection *keptConn
	// release keeps the end of the request's context from closing the connection, and
	// reports whether that was in time.
	release func() bool
	last    bool // answer on the connection
	over    atomic.Bool
}

// Read implements io.Reader.
func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.finish()
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
	if !b.over.Swap(true) {
		b.release()
		b.connection.close()
	}
	return nil
}
