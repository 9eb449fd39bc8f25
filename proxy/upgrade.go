package proxy

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// handshake is the transport of requests for a websocket. Where the upstream
// switches, the connection is no longer one of HTTP: the exchange takes it over.
// Any other answer is passed on like those of other requests.
type handshake struct{ upstream *Upstream }

// switched is an upstream's connection after its 101.
type switched struct {
	connection net.Conn
	reader     *bufio.Reader // which may hold frames already
	header     http.Header
}

var (
	errSwitched  = errors.New("the upstream has switched protocols")
	errHandshake = errors.New("the upstream's 101 does not answer the handshake")
)

const (
	// maxAnswerHeader bounds the header of an upstream's answer, in bytes.
	maxAnswerHeader = 1 << 20
	// maxInterim bounds the informational answers before it, as net/http does.
	maxInterim = 5
)

// RoundTrip implements http.RoundTripper. Its error is errSwitched where the
// exchange has the connection.
func (h handshake) RoundTrip(out *http.Request) (*http.Response, error) {
	ctx := out.Context()
	connection, err := h.upstream.connect(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(longAgo) })
	out = out.Clone(ctx)
	out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	limited := &io.LimitedReader{R: connection, N: maxAnswerHeader}
	reader := bufio.NewReader(limited)
	res, err := h.ask(connection, reader, out)
	limited.N = math.MaxInt64
	switch {
	case err != nil:
	case res.StatusCode != http.StatusSwitchingProtocols:
		if err = bound(ctx, connection, time.Time{}); err == nil {
			res.Body = &lastBody{res.Body, connection, stop}
			return res, nil
		}
	case !answers(res.Header, out.Header):
		err = errHandshake
	case !stop():
		err = ctx.Err()
	default:
		_ = connection.SetDeadline(time.Time{})
		exchangeOf(ctx).switched = &switched{connection, reader, res.Header}
		return nil, errSwitched
	}
	stop()
	_ = connection.Close()
	return nil, err
}

// bound sets a deadline. It may take the place of the one that the end of ctx sets,
// which therefore is an error.
func bound(ctx context.Context, connection net.Conn, deadline time.Time) error {
	if err := connection.SetDeadline(deadline); err != nil {
		return err
	}
	return ctx.Err()
}

// ask sends the request and reads the header of the answer.
func (h handshake) ask(connection net.Conn, reader *bufio.Reader, out *http.Request) (*http.Response, error) {
	deadline := time.Now().Add(h.upstream.settings.ResponseHeaderTimeout.Std())
	if err := bound(out.Context(), connection, deadline); err != nil {
		return nil, err
	}
	if err := out.Write(connection); err != nil {
		return nil, err
	}
	for range maxInterim {
		if _, err := reader.Peek(1); err != nil {
			return nil, err // io.EOF, where ReadResponse would tell of half an answer
		}
		res, err := http.ReadResponse(reader, out)
		if err != nil || res.StatusCode >= http.StatusOK || res.StatusCode <= http.StatusSwitchingProtocols && res.StatusCode != http.StatusContinue {
			return res, err
		}
	}
	return nil, errNotFinal
}

// answers reports whether a 101 is the answer to our handshake (RFC 6455, section
// 4.1): its own key, and no subprotocol that it was not offered.
func answers(got, asked http.Header) bool {
	protocols := got["Sec-Websocket-Protocol"]
	return len(got["Upgrade"]) == 1 && strings.EqualFold(got["Upgrade"][0], "websocket") &&
		httpguts.HeaderValuesContainsToken(got["Connection"], "upgrade") &&
		slices.Equal(got["Sec-Websocket-Accept"], []string{acceptKey(asked.Get("Sec-Websocket-Key"))}) &&
		(len(protocols) == 0 || len(protocols) == 1 && offers(asked["Sec-Websocket-Protocol"], protocols[0]))
}

// acceptKey is what proves that a handshake's key was read.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// offers reports whether a subprotocol is one of a list, spelled alike.
func offers(fields []string, protocol string) bool {
	for _, field := range fields {
		for offered := range strings.SplitSeq(field, ",") {
			if strings.Trim(offered, " \t") == protocol {
				return true
			}
		}
	}
	return false
}

// lastBody is the body of an answer whose connection serves nothing else.
type lastBody struct {
	io.ReadCloser
	connection net.Conn
	stop       func() bool // of the watch over the request's context
}

// Close implements io.Closer.
func (b *lastBody) Close() error {
	b.stop()
	return b.connection.Close()
}
