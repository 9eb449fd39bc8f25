package explain

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"postern/proxy"
)

// Server is the listener that a request is explained for.
type Server struct {
	// Handler reaches the network nowhere: its upstreams send their requests to
	// Upstream.
	Handler  *proxy.Handler
	Upstream *Upstream
	// MaxHeaderBytes is that of the configuration.
	MaxHeaderBytes int
	// TLS says that clients connect by TLS; Certificates are the verified chains of
	// the client's certificate, nil for none.
	TLS          bool
	Certificates [][]*x509.Certificate
}

// Upstream is the transport that stands in the place of all upstreams. It is for
// one request.
type Upstream struct{ got *http.Request }

// RoundTrip implements http.RoundTripper: it takes the request, with its whole
// body, and answers without content.
func (u *Upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	u.got = r.Clone(context.WithoutCancel(r.Context()))
	if slices.Equal(r.Header["User-Agent"], []string{""}) {
		delete(u.got.Header, "User-Agent") // to net/http an empty one is none
	}
	if r.Body != nil {
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "204 No Content", StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

// Outcome is what came of a request.
type Outcome struct {
	// Preview is nil where net/http refused the request before any handler.
	Preview *proxy.Preview
	// Received is the header as the handler got it, Sent what the upstream would
	// get; nil where it would get nothing.
	Received http.Header
	Sent     *http.Request
	// Path is the escaped path as the handler got it.
	Path string
	// Answer is what the client gets, and Body the beginning of its content. A
	// request that is allowed is answered by nobody, with a status of no meaning.
	Answer *http.Response
	Body   []byte
}

const (
	// askTimeout bounds the whole exchange, all of which happens in memory.
	askTimeout = time.Minute
	// maxAnswer bounds what is kept of an answer, in bytes.
	maxAnswer = 1 << 20
)

// Ask sends a request that comes from an address, at a time. The server is for one
// request.
func (s *Server) Ask(r *Request, client netip.Addr, at time.Time) (*Outcome, error) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	if err := ours.SetDeadline(time.Now().Add(askTimeout)); err != nil {
		return nil, err
	}
	o, handled := &Outcome{}, make(chan struct{})
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
			in.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			if s.TLS {
				in.TLS = &tls.ConnectionState{VerifiedChains: s.Certificates}
			}
			o.Received, o.Path = in.Header.Clone(), in.URL.EscapedPath()
			o.Preview = &proxy.Preview{Time: at, RequestID: requestID}
			s.Handler.Preview(w, in, o.Preview)
		}),
		MaxHeaderBytes:               s.MaxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed { // the handler has returned
				close(handled)
			}
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer server.Close()
	listener := newOnce(theirs)
	running.Go(func() { _ = server.Serve(listener) })
	running.Go(func() { _ = r.write(ours) }) // where it fails, so does reading the answer
	var err error
	o.Answer, o.Body, err = readAnswer(bufio.NewReader(ours), r.Method)
	ours.Close()
	<-handled
	if o.Sent = s.Upstream.got; o.Sent != nil && o.Preview.Decision.Upgrade {
		// Which the handshake adds, after everything else.
		o.Sent.Header["Connection"], o.Sent.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	return o, err
}

// requestID stands in explanations for the random one.
const requestID = "explained-request"

// readAnswer reads the final answer.
func readAnswer(reader *bufio.Reader, method string) (*http.Response, []byte, error) {
	for {
		answer, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return nil, nil, fmt.Errorf("the request gets no answer: %w", err)
		}
		body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		answer.Body.Close()
		if err != nil || answer.StatusCode >= http.StatusOK {
			return answer, body, err
		}
	}
}

// once is a listener with one connection.
type once struct {
	connections chan net.Conn
	close       func()
}

func newOnce(c net.Conn) *once {
	o := &once{connections: make(chan net.Conn, 1)}
	o.connections <- c
	o.close = sync.OnceFunc(func() { close(o.connections) })
	return o
}

// Accept implements net.Listener. After the one connection it waits for the end.
func (o *once) Accept() (net.Conn, error) {
	if c, ok := <-o.connections; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (o *once) Close() error {
	o.close()
	return nil
}

// Addr implements net.Listener.
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }
