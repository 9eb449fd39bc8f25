package keys

import (
	"crypto/x509"
	"errors"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ParseCertificates reads a JSON object that maps kids to X.509 certificates in
// PEM, as Google publishes the keys of service accounts. What is not the
// certificate of a usable key is ignored, and the others stay, counted in the
// order of their kids; a document of which none stays is an error.
func ParseCertificates(data []byte) (*Published, error) {
	var document map[string]jsontext.Value
	if err := parseObject(data, &document, "a JSON object of certificates"); err != nil {
		return nil, err
	}
	result := &Published{}
	for i, kid := range slices.Sorted(maps.Keys(document)) {
		key, err := parsePublishedCertificate(kid, document[kid])
		if err != nil {
			result.ignore(i, err)
			continue
		}
		result.Keys = append(result.Keys, key)
	}
	return result.check()
}

func parsePublishedCertificate(kid string, value jsontext.Value) (*Key, error) {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return nil, errors.New("not a string")
	}
	block, err := soleBlock([]byte(text))
	if err != nil {
		return nil, err
	}
	if block.Type != certificateBlock {
		key, err := parsePEM([]byte(text)) // some publish the bare key
		if err != nil {
			return nil, errors.New("not a certificate or public key")
		}
		key.ID = kid
		return key.seal()
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("not readable as a certificate") // the cause may quote it
	}
	// RFC 5280, section 4.2.1.3; the counterpart of a JWK's use.
	if usage := certificate.KeyUsage; usage != 0 && usage&x509.KeyUsageDigitalSignature == 0 {
		return nil, errors.New("its key usage is not digitalSignature")
	}
	key := certifiedKey(certificate)
	key.ID = kid
	if err := checkPublic(key.material); err != nil {
		return nil, err
	}
	return key.seal()
}

// certifiedKey returns the key of a certificate, which is current while the
// certificate is valid, the last instant included (RFC 5280, section 4.1.2.5).
// Its issuer does not matter: who published or configured it is trusted.
func certifiedKey(c *x509.Certificate) *Key {
	return &Key{material: c.PublicKey, NotBefore: c.NotBefore, NotAfter: c.NotAfter.Add(1)}
}
