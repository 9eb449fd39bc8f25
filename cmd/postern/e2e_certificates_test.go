package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{template, key}
	a.certificate = a.sign(t, template, &key.PublicKey)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t testing.TB, template *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// pem returns the authority's own certificate.
func (a *authority) pem() string { return pemOf("CERTIFICATE", a.certificate.Raw) }

// pool trusts the authority alone.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issued is a certificate with its key.
type issued struct {
	tls.Certificate
	certificate, key string // PEM
}

// issue makes a certificate that is good for an hour, unless change says otherwise.
func (a *authority) issue(t testing.TB, change func(*x509.Certificate)) issued {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	key := newKey(t)
	certificate := a.sign(t, template, &key.PublicKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	i := issued{certificate: pemOf("CERTIFICATE", certificate.Raw), key: pemOf("PRIVATE KEY", der)}
	if i.Certificate, err = tls.X509KeyPair([]byte(i.certificate), []byte(i.key)); err != nil {
		t.Fatal(err)
	}
	return i
}

// forHost issues a server's certificate.
func (a *authority) forHost(t testing.TB, host string) issued {
	t.Helper()
	return a.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{host} })
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// tlsHost is the name that clients know Postern's listener by.
const tlsHost = "postern.test"

// newTLSClient returns a client that trusts one authority, is at home with HTTP/2 if
// asked for, and shows a certificate unless that is the zero value.
func newTLSClient(t testing.TB, a *authority, http2 bool, own tls.Certificate) *http.Client {
	client := newClient(t)
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: a.pool(), ServerName: tlsHost}
	if own.Certificate != nil {
		// Whoever asks, be it for another authority's.
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	return client
}
