package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// MintAuthority issues client certificates to test a policy with. It is immutable
// and safe for concurrent use.
type MintAuthority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	pool        *x509.CertPool
	authorities *Static
}

// NewMintAuthority returns a new authority, which counts at all times.
func NewMintAuthority() (*MintAuthority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "throw-away authority"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC), // RFC 5280, section 4.1.2.5
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a := &MintAuthority{key: key}
	if a.certificate, err = issue(template, template, key, key); err != nil {
		return nil, err
	}
	a.pool, a.authorities, err = newAuthorities([]*x509.Certificate{a.certificate}, nil)
	return a, err
}

// Authorities returns what [Loader.Authorities] returns for a file with the
// authority.
func (a *MintAuthority) Authorities() (*x509.CertPool, *Static) { return a.pool, a.authorities }

// Issue returns the chain of a new client certificate, from that one to the
// authority. The template says whom it is for and how long it is valid.
func (a *MintAuthority) Issue(template *x509.Certificate) ([]*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	own := *template
	own.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	leaf, err := issue(&own, a.certificate, key, a.key)
	return []*x509.Certificate{leaf, a.certificate}, err
}

func issue(template, authority *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
