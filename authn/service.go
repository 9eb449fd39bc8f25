package authn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"postern/keys"
)

// service is an HTTP service that is asked about credentials, within bounds of
// time, size and number. It follows no redirect and takes nothing from the
// environment: a credential goes to the configured origin and nowhere else. It is
// safe for concurrent use.
type service struct {
	transport http.RoundTripper
	timeout   time.Duration
	maxBytes  int64
	turns     chan struct{} // holds one for each question that is being asked
	breaker   breaker
}

const (
	// maxQuestions bounds what one service is asked at a time.
	maxQuestions = 64
	// maxIdle bounds the connections that are kept for the next questions.
	maxIdle     = 16
	idleTimeout = 30 * time.Second
)

// newService returns the service at a URL of which only scheme and host count.
func newService(s *ServiceSettings, address string) *service {
	dialer := &net.Dialer{Timeout: s.Timeout.Std()}
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !s.AllowInsecureHTTP {
		dialer.Control = keys.LoopbackOnly
	}
	return &service{
		transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    s.Timeout.Std(),
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    maxIdle,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // no answer grows while it is read
			ForceAttemptHTTP2:      true,
		},
		timeout:  s.Timeout.Std(),
		maxBytes: int64(s.MaxBytes),
		turns:    make(chan struct{}, maxQuestions),
	}
}

// ask makes one request, which holds no body that cannot be sent again. Its error
// says that there is no answer, and why; it holds nothing of the question, nor of
// what came back.
func (s *service) ask(ctx context.Context, r *http.Request) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return 0, nil, fmt.Errorf("%d questions did not end within %s", maxQuestions, s.timeout)
	}
	// Only now: while this one waited for its turn, the others may have failed.
	if !s.breaker.allow(time.Now()) {
		return 0, nil, errResting
	}
	status, body, err = s.exchange(r.WithContext(ctx))
	s.breaker.ended(status != 0, time.Now())
	return status, body, err
}

// errResting is the outcome for requests that come shortly after others failed.
var errResting = errors.New("the service did not answer several times and is given a rest")

// exchange returns a status also where the answer is no good: the service is
// there then.
func (s *service) exchange(r *http.Request) (status int, body []byte, err error) {
	// Not through http.Client, which follows redirects and quotes URLs in errors.
	response, err := s.transport.RoundTrip(r)
	if err != nil {
		return 0, nil, s.publicError(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, s.maxBytes+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, nil, s.publicError(err)
	case err != nil:
		return response.StatusCode, nil, s.publicError(err)
	case int64(len(body)) > s.maxBytes:
		return response.StatusCode, nil, fmt.Errorf("answered with more than %d bytes", s.maxBytes)
	}
	return response.StatusCode, body, nil
}

// publicError drops what an error of a transport may quote of an answer, which may
// quote the credential.
func (s *service) publicError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer within %s", s.timeout)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer breaks off")
	}
	return errors.New("the answer is not HTTP")
}

// retire closes the connections that no question uses; others are closed when
// theirs ends.
func (s *service) retire() {
	if t, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
