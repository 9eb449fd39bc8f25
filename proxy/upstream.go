package proxy

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"postern/keys"
	"postern/metrics"
	"postern/policy"
)

// UpstreamSettings configure a backend.
type UpstreamSettings struct {
	// URL is http, https or h2c with a host, or unix:///path/to.sock.
	URL string `yaml:"url"`
	// ResponseHeaderTimeout bounds the wait for the header of an answer, and for
	// each part of a request to be taken.
	ResponseHeaderTimeout policy.Duration `yaml:"response_header_timeout"`
	// TLS is for https alone.
	TLS *keys.TLSSettings `yaml:"tls"`
	// Audience is what the backend is called in identity assertions; its name where
	// it is left out.
	Audience string `yaml:"audience"`

	// Connection is what TLS amounts to, once [UpstreamSettings.Load] has read its
	// files.
	Connection keys.Connection `yaml:"-"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *UpstreamSettings) SetDefaults() {
	s.ResponseHeaderTimeout = policy.Duration(30 * time.Second)
}

// Check reports what is wrong with the settings.
func (s *UpstreamSettings) Check(at policy.Path, problems *policy.Problems) {
	s.TLS.Check(at.At("tls"), problems)
	if s.ResponseHeaderTimeout <= 0 {
		problems.Addf(at.At("response_header_timeout"), "wants more than 0s")
	}
	if s.URL == "" {
		problems.Addf(at, "url is missing")
		return
	}
	place := at.At("url")
	u, err := url.Parse(s.URL)
	if err != nil {
		problems.Addf(place, "is no URL")
		return
	}
	switch {
	case s.TLS != nil && u.Scheme != "https":
		problems.Addf(at.At("tls"), "says nothing about %s", u.Scheme)
	case u.User != nil:
		problems.Addf(place, "may not hold a password: the backend needs its own")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		problems.Addf(place, "may not hold a query or a fragment")
	case u.Scheme == "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			problems.Addf(place, "wants unix:///path/to.sock")
		}
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		problems.Addf(place, "wants http://, https://, h2c:// or unix:///")
	case u.Hostname() == "":
		problems.Addf(place, "names no host")
	case u.Port() != "" && (!isPort(u.Port()) || u.Port() == "0"):
		problems.Addf(place, "the port %s is out of range", u.Port())
	case u.Path != "" && u.Path != "/":
		problems.Addf(place, "may not hold a path: use add_prefix on the routes")
	}
}

// Load reads the files that the settings name, and reports what of them cannot be
// used. The settings have passed Check.
func (s *UpstreamSettings) Load(at policy.Path, l keys.Loader, problems *policy.Problems) {
	s.Connection = s.TLS.Load(at.At("tls"), l, problems)
}

// same reports whether both lead to the same backend in the same way, whatever the
// files are called that say so.
func (s UpstreamSettings) same(o UpstreamSettings) bool {
	s.TLS, o.TLS = nil, nil
	s.Audience, o.Audience = "", "" // which routes tell
	return s == o
}

// Upstream is a backend with its connections. It is safe for concurrent use.
type Upstream struct {
	settings  UpstreamSettings
	scheme    string
	host      string
	tls       *tls.Config // for websockets; nil where the scheme is not https
	transport *http.Transport
	direct    *directTransport // before it; nil for upstreams that are not in plain text
	proxy     *httputil.ReverseProxy
	websocket *httputil.ReverseProxy // for handshakes
	metrics   *metrics.Upstream
}

const (
	idleConnTimeout     = 90 * time.Second
	maxIdleConnsPerHost = 256
)

// NewUpstream opens no connection yet. The settings have passed Check, and Load has
// read their files.
func NewUpstream(name string, s UpstreamSettings, registry *metrics.Registry, log *slog.Logger) *Upstream {
	target, err := url.Parse(s.URL)
	if err != nil {
		panic(err) // Check refuses it
	}
	socket := ""
	if target.Scheme == "unix" {
		socket = target.Path
	}
	u := &Upstream{settings: s, scheme: target.Scheme, host: target.Host, metrics: registry.Upstream(name)}
	u.transport = &http.Transport{
		// Proxy stays nil: the environment does not choose where requests go.
		DialContext:            dialer(socket, s.ResponseHeaderTimeout.Std()),
		TLSClientConfig:        s.Connection.TLS(),
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  s.ResponseHeaderTimeout.Std(),
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleConnTimeout,
		MaxIdleConnsPerHost:    maxIdleConnsPerHost,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true, // what the upstream sends is what the client gets
		ForceAttemptHTTP2:      true, // where an https upstream offers it
	}
	switch target.Scheme {
	case "h2c":
		u.scheme = "http"
		u.transport.Protocols = new(http.Protocols)
		u.transport.Protocols.SetUnencryptedHTTP2(true)
	case "unix":
		u.scheme, u.host = "http", "localhost"
	}
	if u.scheme == "https" {
		u.tls = u.websocketTLS()
	}
	u.proxy = u.newProxy(u.transport, log)
	if keepsConns && u.scheme == "http" && target.Scheme != "h2c" {
		u.direct = &directTransport{Transport: u.transport, address: u.address()}
		u.proxy.Transport = u.direct
	}
	u.websocket = u.newProxy(handshake{u}, log)
	return u
}

func (u *Upstream) newProxy(transport http.RoundTripper, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        u.rewrite,
		Transport:      transport,
		ModifyResponse: modifyResponse,
		ErrorHandler:   fail,
		BufferPool:     buffers,
		ErrorLog:       slog.NewLogLogger(slog.DiscardHandler, 0), // finish tells all of it
	}
}

// Same reports whether both are the same backend, reached in the same way, so
// that a reload can keep the older one with its connections.
func (u *Upstream) Same(o *Upstream) bool { return u.settings.same(o.settings) }

// Through makes requests go through another transport than the upstream's own,
// handshakes of websockets too. It must be called before the upstream is in use.
func (u *Upstream) Through(t http.RoundTripper) { u.proxy.Transport, u.websocket.Transport = t, t }

// Retire closes the connections that no request uses; others are closed when
// their request ends.
func (u *Upstream) Retire() {
	u.transport.CloseIdleConnections()
	if u.direct != nil {
		u.direct.idle.retire()
	}
}

// bufferPool lends the buffers in which bodies are copied.
type bufferPool struct{ sync.Pool }

const copyBufferSize = 32 << 10

var buffers httputil.BufferPool = &bufferPool{sync.Pool{New: func() any { return new([copyBufferSize]byte) }}}

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return p.Pool.Get().(*[copyBufferSize]byte)[:] }

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.Pool.Put((*[copyBufferSize]byte)(b)) }
