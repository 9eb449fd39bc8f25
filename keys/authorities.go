package keys

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// Certificates returns the certificates of a PEM file, at least one. A block that
// cannot be read is an error, where [x509.CertPool.AppendCertsFromPEM] would leave
// it out in silence; text around the blocks is not.
func (l Loader) Certificates(name string) ([]*x509.Certificate, error) {
	data, err := l.File(name)
	if err != nil {
		return nil, err
	}
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

// Authorities returns the public keys of the authorities in a PEM file, for whose
// certificates the TLS handshake vouches: the id of each is the fingerprint of its
// certificate. An authority that is taken out of the file ends what its key has
// verified, like any other key.
func (l Loader) Authorities(name string) (*Static, error) {
	certificates, err := l.Certificates(name)
	if err != nil {
		return nil, err
	}
	var keys []*Key
	lease := l.Lease(DefaultMaxStale, name)
	for i, c := range certificates {
		key := certifiedKey(c)
		key.ID = Fingerprint(c)
		err := checkPublic(key.material)
		if err == nil {
			key, err = key.seal()
		}
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		key.lend(lease)
		keys = append(keys, key)
	}
	return &Static{set: newSet(keys), lease: lease}, nil
}

// Fingerprint returns the SHA-256 of a certificate in lower-case hexadecimal digits.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
