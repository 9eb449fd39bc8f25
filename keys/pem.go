package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// parsePEM reads the one public key of a file: PKIX, PKCS #1, or that of an
// X.509 certificate. Of a certificate only the key counts, not its dates or
// issuer: the configuration trusts the key itself.
func parsePEM(data []byte) (material any, err error) {
	if bytes.Count(data, []byte("-----BEGIN ")) > 1 {
		return nil, errors.New("more than one PEM block: give each key a file of its own")
	}
	block, rest := pem.Decode(data)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("not a single PEM block")
	}
	switch {
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("a private key: only the public one belongs here")
	case block.Type == "PUBLIC KEY":
		material, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		material, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			material = certificate.PublicKey
		}
	default:
		return nil, fmt.Errorf("a PEM block of type %q holds no public key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("not readable as %s: %w", block.Type, err)
	}
	return material, checkPublic(material)
}
