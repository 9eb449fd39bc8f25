package proxy

import (
	"crypto/tls"
	"slices"

	"postern/keys"
	"postern/policy"
)

// ServerTLSSettings have the listener for clients speak TLS, and HTTP/2 to those
// that offer it.
type ServerTLSSettings struct {
	// CertFile holds the certificate and those between it and its authority, KeyFile
	// its key, both in PEM.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile holds the authorities of client certificates. Without it no
	// client is asked for one.
	ClientCAFile string `yaml:"client_ca_file"`
	// ClientAuth is verify, the default, for clients with a certificate or without
	// one, or require. In either case a certificate of another authority, or one
	// that has ended, ends the handshake.
	ClientAuth string `yaml:"client_auth" words:"verify require"`
}

// clientAuthRequire refuses clients without a certificate.
const clientAuthRequire = "require"

// check reports what is wrong with the settings; s may be nil.
func (s *ServerTLSSettings) check(at policy.Path, problems *policy.Problems) {
	if s == nil {
		return
	}
	if s.CertFile == "" {
		problems.Addf(at, "cert_file is missing")
	}
	if s.KeyFile == "" {
		problems.Addf(at, "key_file is missing")
	}
	if s.ClientAuth != "" && s.ClientCAFile == "" {
		problems.Addf(at.At("client_auth"), "says nothing without client_ca_file")
	}
}

// Load reads the files, and reports what of them cannot be used; s may be nil, for
// no TLS. The authorities are those of client_ca_file, nil without it. The settings
// have passed Check.
func (s *ServerTLSSettings) Load(at policy.Path, l keys.Loader, problems *policy.Problems) (config *tls.Config, authorities *keys.Static) {
	if s == nil {
		return nil, nil
	}
	// The protocol's versions, ciphers and curves are Go's choice, which is kept up
	// to date: TLS 1.2 and later.
	config = &tls.Config{NextProtos: slices.Clone(protocolNames)}
	if pair, ok := s.loadPair(at, l, problems); ok {
		config.Certificates = []tls.Certificate{pair}
	}
	if s.ClientCAFile == "" {
		return config, nil
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if s.ClientAuth == clientAuthRequire {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	var err error
	if config.ClientCAs, authorities, err = l.Authorities(s.ClientCAFile); err != nil {
		problems.Addf(at.At("client_ca_file"), "%v", err)
	}
	return config, authorities
}

// protocolNames are what TLS offers by ALPN (RFC 7301), the preferred one first.
var protocolNames = []string{"h2", "http/1.1"}

func (s *ServerTLSSettings) loadPair(at policy.Path, l keys.Loader, problems *policy.Problems) (pair tls.Certificate, ok bool) {
	read := func(name, path string) []byte {
		if path == "" {
			return nil // reported by check
		}
		data, err := l.File(path)
		if err != nil {
			problems.Addf(at.At(name), "%v", err)
		}
		return data
	}
	certificate, key := read("cert_file", s.CertFile), read("key_file", s.KeyFile)
	if certificate == nil || key == nil {
		return pair, false
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		problems.Addf(at.At("cert_file"), "is no certificate of key_file, or one of them is not PEM")
	}
	return pair, err == nil
}
