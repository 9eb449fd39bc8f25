package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"postern/policy"
)

// errNotFinal is for a 101 that nobody asked for, and for statuses under 100,
// which net/http lets an upstream send and not a server.
var errNotFinal = errors.New("the upstream's status is not that of an answer")

var errInvalid = errors.New("the upstream's answer is not HTTP, or too large")

// fail is the ErrorHandler of every reverse proxy: it keeps why the exchange
// failed, and leaves the answer to finish.
func fail(_ http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	if err == errSwitched {
		x.answered = time.Now()
		return // there is nothing to answer
	}
	x.failure = x.classify(r.Context(), err)
	if x.failure.Reason == policy.UpstreamTimeout {
		x.answered = time.Now() // it took so long, and longer
	}
}

// classify says whose fault a failed exchange is. The client's come first: a
// transport reports a body that broke off as its own trouble.
func (x *exchange) classify(ctx context.Context, err error) *policy.Denial {
	if denial := x.brokenBody(); denial != nil {
		return denial
	}
	if denial, ok := errors.AsType[*policy.Denial](err); ok && denial != errRouteTimeout {
		return denial // of an answer that lasts
	}
	if context.Cause(ctx) == errRouteTimeout {
		return &policy.Denial{Reason: policy.UpstreamTimeout, Err: err}
	}
	if ctx.Err() != nil {
		return &policy.Denial{Reason: policy.ClientClosed}
	}
	reason := upstreamReason(err)
	if reason == policy.UpstreamInvalid && err != errHandshake {
		err = errInvalid // the error quotes what the upstream sent
	}
	return &policy.Denial{Reason: reason, Err: err}
}

// brokenBody says why the client's body could not be read to its end, nil
// where it could, or was not.
func (x *exchange) brokenBody() *policy.Denial {
	cause := x.body.failure()
	switch {
	case cause == nil:
		return nil
	case cause == errTooLong:
		return x.tooLarge()
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return &policy.Denial{Reason: policy.MalformedRequest, Detail: "the body did not arrive in time"}
	case errors.Is(cause, syscall.ECONNRESET) || errors.Is(cause, context.Canceled) || isReset(cause):
		return &policy.Denial{Reason: policy.ClientClosed}
	}
	return &policy.Denial{Reason: policy.MalformedRequest, Detail: "the body breaks off or its framing is broken"}
}

// streamError is the error of a stream of HTTP/2 that was ended before its time, as
// net/http gives it to [errors.As]: to any type with these fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error.
func (e streamError) Error() string { return fmt.Sprintf("the stream ended with code %d", e.Code) }

// isReset reports whether a client has taken back a request of HTTP/2.
func isReset(err error) bool {
	_, ok := errors.AsType[streamError](err)
	return ok
}

func (x *exchange) tooLarge() *policy.Denial {
	return policy.AsDenial(tooLarge(x.decision.Route.BodyLimit))
}

// brokenOff says why an answer that had begun did not come to its end. Nobody
// can be told any more, but the log and the metrics are.
func (x *exchange) brokenOff(ctx context.Context) *policy.Denial {
	if denial := x.brokenBody(); denial != nil {
		return denial
	}
	switch {
	case context.Cause(ctx) == errRouteTimeout:
		return &policy.Denial{Reason: policy.UpstreamTimeout, Err: x.answerErr}
	case x.answerErr == nil || ctx.Err() != nil:
		return &policy.Denial{Reason: policy.ClientClosed}
	}
	return &policy.Denial{Reason: policy.UpstreamInvalid, Err: x.answerErr}
}

// upstreamReason sorts errors of a transport: no connection, for which it may be
// us who are to blame, no answer in time, or an answer that is none.
func upstreamReason(err error) policy.Reason {
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return policy.Overloaded // of descriptors or ports there are none left here
	case isOp && op.Op == "dial":
		return policy.UpstreamUnreachable
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return policy.UpstreamTimeout
	}
	if isOp || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || isTLS(err) {
		return policy.UpstreamUnreachable
	}
	return policy.UpstreamInvalid
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}
