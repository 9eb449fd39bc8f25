package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"postern/policy"
)

// timeoutError is what a transport makes of an answer that is late.
type timeoutError struct{ error }

func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestClassify(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithTimeoutCause(t.Context(), -time.Second, errRouteTimeout)
	defer cancelLate()
	read := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	for _, test := range []struct {
		name string
		ctx  context.Context
		body error // of the client's
		err  error
		want policy.Reason
	}{
		{"refused connection", t.Context(), nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, policy.UpstreamUnreachable},
		{"dial timeout", t.Context(), nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, policy.UpstreamUnreachable},
		{"unknown host", t.Context(), nil, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, policy.UpstreamUnreachable},
		{"certificate", t.Context(), nil, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, policy.UpstreamUnreachable},
		{"no TLS", t.Context(), nil, tls.RecordHeaderError{}, policy.UpstreamUnreachable},
		{"TLS alert", t.Context(), nil, fmt.Errorf("remote error: %w", tls.AlertError(40)), policy.UpstreamUnreachable},
		{"closed without an answer", t.Context(), nil, fmt.Errorf("transport: %w", io.EOF), policy.UpstreamUnreachable},
		{"reset", t.Context(), nil, read, policy.UpstreamUnreachable},
		{"no answer in time", t.Context(), nil, timeoutError{errors.New("timeout awaiting response headers")}, policy.UpstreamTimeout},
		{"no HTTP", t.Context(), nil, errors.New(`malformed HTTP response "SSH-2.0"`), policy.UpstreamInvalid},
		{"status that is none", t.Context(), nil, errNotFinal, policy.UpstreamInvalid},

		{"the route's time is over", late, nil, context.DeadlineExceeded, policy.UpstreamTimeout},
		{"the client is gone", cancelled, nil, context.Canceled, policy.ClientClosed},
		// However it looks to the transport, the client's body comes first.
		{"broken body", t.Context(), errors.New("invalid byte in chunk length"), read, policy.MalformedRequest},
		{"short body", cancelled, io.ErrUnexpectedEOF, context.Canceled, policy.MalformedRequest},
		{"slow body", late, os.ErrDeadlineExceeded, context.DeadlineExceeded, policy.MalformedRequest},
		{"reset body", cancelled, &net.OpError{Op: "read", Err: syscall.ECONNRESET}, context.Canceled, policy.ClientClosed},
	} {
		x := &exchange{body: &inboundBody{err: test.body}}
		if got := x.classify(test.ctx, test.err); got.Reason != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.Reason, test.want)
		}
	}
	if got := new(exchange).classify(t.Context(), io.EOF); got.Reason != policy.UpstreamUnreachable {
		t.Errorf("without a body: %s", got.Reason)
	}
}

func TestBrokenOff(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithTimeoutCause(t.Context(), -time.Second, errRouteTimeout)
	defer cancelLate()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		answer error
		want   policy.Reason
	}{
		{"the upstream broke off", t.Context(), io.ErrUnexpectedEOF, policy.UpstreamInvalid},
		{"writing to the client failed", t.Context(), nil, policy.ClientClosed},
		{"the client is gone, which ends reading", cancelled, context.Canceled, policy.ClientClosed},
		{"the route's time is over", late, context.DeadlineExceeded, policy.UpstreamTimeout},
	} {
		x := &exchange{answerErr: test.answer}
		if got := x.brokenOff(test.ctx); got.Reason != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.Reason, test.want)
		}
	}
}
