package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const certificateBlock = "CERTIFICATE"

// parsePEM reads the one public key of a file: PKIX, PKCS #1, or that of an
// X.509 certificate, which also bounds when the key is current.
func parsePEM(data []byte) (*Key, error) {
	block, err := soleBlock(data)
	if err != nil {
		return nil, err
	}
	key := &Key{}
	switch block.Type {
	case "PUBLIC KEY":
		key.material, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key.material, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case certificateBlock:
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certifiedKey(certificate)
		}
	default:
		return nil, fmt.Errorf("a PEM block of type %q holds no public key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("not readable as %s: %w", block.Type, err)
	}
	return key, checkPublic(key.material)
}

// soleBlock returns the only PEM block of a text, which is no private key.
func soleBlock(data []byte) (*pem.Block, error) {
	block, err := onlyBlock(data)
	if err == nil && strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, errors.New("a private key: only the public one belongs here")
	}
	return block, err
}

// onlyBlock returns the only PEM block of a text.
func onlyBlock(data []byte) (*pem.Block, error) {
	if bytes.Count(data, []byte("-----BEGIN ")) > 1 {
		return nil, errors.New("more than one PEM block: give each key a file of its own")
	}
	block, rest := pem.Decode(data)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("not a single PEM block")
	}
	return block, nil
}
