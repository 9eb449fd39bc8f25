package keys

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// certificates returns the certificates of a PEM file, at least one. A block that
// cannot be read is an error, where [x509.CertPool.AppendCertsFromPEM] would leave
// it out in silence; text around the blocks is not.
func (l Loader) certificates(name string) ([]*x509.Certificate, error) {
	data, err := l.File(name)
	if err != nil {
		return nil, err
	}
	return parseBundle(data)
}

func parseBundle(data []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for i := 1; ; i++ {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		if data = rest; block.Type != certificateBlock {
			return nil, fmt.Errorf("PEM block %d is no certificate", i)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d is not readable: %w", i, err)
		}
		list = append(list, certificate)
	}
	// What is left has no whole block.
	if bytes.Contains(data, []byte("-----BEGIN ")) || len(list) == 0 {
		return nil, errors.New("holds no certificate in PEM, or a broken one")
	}
	return list, nil
}

// Authorities returns the authorities in a PEM file: in a pool, for TLS to verify
// certificates with, and as a set of keys whose ids are the fingerprints of the
// authorities. One that is taken out of the file ends what it has vouched for, as a
// key ends what it has verified.
func (l Loader) Authorities(name string) (*x509.CertPool, *Static, error) {
	certificates, err := l.certificates(name)
	if err != nil {
		return nil, nil, err
	}
	return newAuthorities(certificates, l.Lease(DefaultMaxStale, name))
}

func newAuthorities(certificates []*x509.Certificate, lease *Lease) (*x509.CertPool, *Static, error) {
	pool := x509.NewCertPool()
	var keys []*Key
	for i, c := range certificates {
		key := certifiedKey(c)
		key.ID = Fingerprint(c)
		err := checkPublic(key.material)
		if err == nil {
			key, err = key.seal()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		key.lend(lease)
		keys = append(keys, key)
		pool.AddCert(c)
	}
	return pool, &Static{set: newSet(keys), lease: lease}, nil
}

// LastEnd returns when the last of the keys ends, the zero time for never.
func (s *Static) LastEnd() (last time.Time) {
	for _, k := range s.set.keys {
		if k.NotAfter.IsZero() {
			return time.Time{}
		}
		if k.NotAfter.After(last) {
			last = k.NotAfter
		}
	}
	return last
}

// Ends returns when the client's own certificate ends, and when the last of the
// authorities does; a zero time is of none.
func (c Connection) Ends() (own, authorities time.Time) {
	if pair, err := c.pair(); err == nil {
		own = pair.Leaf.NotAfter
	}
	list, _ := parseBundle([]byte(c.CA))
	for _, certificate := range list {
		if certificate.NotAfter.After(authorities) {
			authorities = certificate.NotAfter
		}
	}
	return own, authorities
}

// Fingerprint returns the SHA-256 of a certificate in lower-case hexadecimal digits.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
