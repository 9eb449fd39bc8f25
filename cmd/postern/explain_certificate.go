package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"postern/config"
)

// chains returns what a TLS handshake makes of the client's certificate, nil
// without one.
func (e *explanation) chains(c *config.Config, at time.Time) ([][]*x509.Certificate, error) {
	switch {
	case e.cert == "" && c.ServerTLS != nil && c.ServerTLS.ClientAuth == tls.RequireAndVerifyClientCert:
		return nil, errors.New("server.tls.client_auth is require: give the client's certificate with --cert")
	case e.cert == "":
		return nil, nil
	case c.ServerTLS == nil || c.ServerTLS.ClientCAs == nil:
		return nil, errors.New("--cert: the configuration asks for no certificate (server.tls.client_ca_file)")
	}
	data, err := e.readFile(e.cert)
	if err != nil {
		return nil, err
	}
	list, err := parseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.cert, err)
	}
	between := x509.NewCertPool()
	for _, certificate := range list[1:] {
		between.AddCert(certificate)
	}
	chains, err := list[0].Verify(x509.VerifyOptions{
		Roots: c.ServerTLS.ClientCAs, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("the TLS handshake refuses the certificate: %w", err)
	}
	return chains, nil
}

// parseCertificates reads at least one certificate in PEM.
func parseCertificates(data []byte) (list []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, certificate)
	}
	if list == nil {
		return nil, errors.New("holds no certificate")
	}
	return list, nil
}
