package keys

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"

	"postern/policy"
)

// TLSSettings configure connections that Postern opens: of a source to each of its
// documents, or to an upstream.
type TLSSettings struct {
	// CAFile holds the certificates that are trusted, in place of the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate, if it needs one.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName is what certificates must be for, in place of the URL's host.
	ServerName string `yaml:"server_name"`
}

// Check reports what is wrong with the settings; s may be nil.
func (s *TLSSettings) Check(at policy.Path, problems *policy.Problems) {
	switch {
	case s == nil:
	case *s == TLSSettings{}:
		problems.Addf(at, "says nothing: name ca_file, cert_file and key_file, or server_name")
	case s.CertFile != "" && s.KeyFile == "":
		problems.Addf(at, "key_file is missing: a certificate is of no use without its key")
	case s.KeyFile != "" && s.CertFile == "":
		problems.Addf(at, "cert_file is missing: a key is of no use without its certificate")
	}
}

// Load reads the files, and reports what of them cannot be used; s may be nil. The
// settings have passed Check.
func (s *TLSSettings) Load(at policy.Path, l Loader, problems *policy.Problems) (c Connection) {
	if s == nil {
		return c
	}
	read := func(name, path string) string {
		if path == "" {
			return ""
		}
		data, err := l.File(path)
		if err != nil {
			problems.Addf(at.At(name), "%v", err)
		}
		return string(data)
	}
	c.ServerName = s.ServerName
	if c.CA = read("ca_file", s.CAFile); c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		problems.Addf(at.At("ca_file"), "holds no certificate in PEM")
	}
	c.Certificate, c.Key = read("cert_file", s.CertFile), policy.Secret(read("key_file", s.KeyFile))
	if c.Certificate != "" && c.Key != "" {
		if _, err := c.pair(); err != nil {
			problems.Addf(at.At("cert_file"), "is no certificate of key_file, or one of them is not PEM")
		}
	}
	return c
}

// Connection is how a client of Postern's connects. Its texts are PEM, "" where
// the setting is left out. The environment never counts.
type Connection struct {
	CA          string
	Certificate string
	Key         policy.Secret
	ServerName  string
	// Proxy is the URL of a proxy, which may hold a password; "" for none.
	Proxy policy.Secret
}

func (c Connection) pair() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
}

// TLS returns the settings of a TLS client.
func (c Connection) TLS() *tls.Config {
	config := &tls.Config{ServerName: c.ServerName}
	if c.CA != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	if c.Certificate != "" {
		// Not Certificates: who asks for another authority's is still told who this is.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := c.pair()
			return &pair, err
		}
	}
	return config
}

// newTransport returns a transport of its own. A fetch every few minutes has no
// use for an idle connection.
func newTransport(s RemoteSettings) http.RoundTripper {
	c := s.Connection
	t := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true}
	t.TLSClientConfig = c.TLS()
	if c.Proxy != "" {
		t.Proxy = func(*http.Request) (*url.URL, error) { return parseProxy(c.Proxy) }
	}
	if !s.AllowInsecureHTTP {
		plain := t.Clone()
		plain.DialContext = (&net.Dialer{Control: LoopbackOnly}).DialContext
		t.RegisterProtocol("http", plain)
	}
	return t
}

// parseProxy reads the URL of a proxy. Its error does not quote it.
func parseProxy(text policy.Secret) (*url.URL, error) {
	u, err := url.Parse(string(text))
	if err != nil || u.Hostname() == "" {
		return nil, errNoProxy
	}
	switch u.Scheme {
	case "http", "https", "socks5":
		return u, nil
	}
	return nil, errNoProxy
}

var errNoProxy = errors.New("is not the URL of a proxy, like http://proxy.example.com:3128")
