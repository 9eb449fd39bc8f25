package proxy

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"postern/policy"
)

// rewrite makes the request that the upstream receives. It cannot fail:
// everything was decided before.
func (u *Upstream) rewrite(p *httputil.ProxyRequest) {
	x := exchangeOf(p.In.Context())
	out := p.Out
	stripped := x.decision.Outbound(out.Header, out.URL)
	trailers := 0
	if len(p.In.Trailer) > 0 {
		trailers = x.decision.ReservedTrailers(p.In.Trailer)
		// httputil would send them on, past every check.
		out.Trailer = nil
	}
	forbidRetries(out.Header)
	x.handler.metrics.Stripped(stripped.Exact, stripped.Alias, trailers)
	x.setForwarded(p)
	if x.whole && out.Body != nil {
		out.Body = x.held.open()
		// The transport may send it again where nothing of it has arrived.
		out.GetBody = func() (io.ReadCloser, error) { return x.held.open(), nil }
	}

	out.URL.Scheme, out.URL.Host, out.URL.User = u.scheme, u.host, nil
	route := x.decision.Route
	if strip := x.route().strip; strip > 0 || route.AddPrefix != "" {
		setPath(out.URL, route.AddPrefix+dropSegments(out.URL.EscapedPath(), strip))
	}
	if !route.PreserveHost {
		out.Host = ""
	}
	// A backend that leaves a body unread where it expects none takes it for the
	// next request on the connection; there shall be none.
	out.Close = x.body != nil && !expectsBody(out.Method)
}

// expectsBody reports whether the method gives a request's body a meaning (RFC
// 9110, section 9.3; RFC 5789), so that each backend must know what to do with it.
func expectsBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// countSegments counts the segments of a prefix such as /a/b.
func countSegments(prefix string) int { return strings.Count(prefix, "/") }

// dropSegments takes n segments from the front of an escaped path. They are
// counted, not compared, since a segment may be spelled with escapes.
func dropSegments(path string, n int) string {
	for ; n > 0 && path != ""; n-- {
		next := strings.IndexByte(path[1:], '/')
		if next < 0 {
			return "/"
		}
		path = path[1+next:]
	}
	return path
}

func setPath(u *url.URL, escaped string) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		panic(err) // it was unescaped when it was matched
	}
	u.Path, u.RawPath = path, escaped
}

// modifyResponse takes note of the upstream's answer, and of its headers those
// that only Postern may send.
func modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	x.answered = time.Now()
	if res.StatusCode < http.StatusOK {
		return errNotFinal
	}
	if isEventStream(res) {
		if err := x.openEvents(res); err != nil {
			return err
		}
		x.writer.unbound()
	}
	x.status = res.StatusCode
	x.body.answer()
	if x.held != nil {
		x.held.answer()
	}
	removeOwn(res.Header)
	x.decision.ApplyCORS(res.Header)
	removeOwn(res.Trailer) // what was announced
	res.Body = &outboundBody{res.Body, res, x}
	return nil
}

// outboundBody is an upstream's body on its way to the client. It remembers why
// reading failed: httputil tells a client that is gone and an upstream that
// broke off in the same way.
type outboundBody struct {
	io.ReadCloser
	response *http.Response
	exchange *exchange
}

// Read implements io.Reader.
func (b *outboundBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		removeOwn(b.response.Trailer) // what has come, announced or not
	case err != nil:
		b.exchange.answerErr = err
	}
	return n, err
}

// removeOwn removes the headers by which clients know Postern's own answers.
func removeOwn(h http.Header) {
	for name := range h {
		if policy.IsOwnHeader(name) {
			delete(h, name)
		}
	}
}
