package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/MicahParks/jwkset"
)

// ParseMintKey reads a private key: the only one of a PEM file (PKCS #8, PKCS #1 or
// SEC 1), or a JWK, whose kid is then the key's id. The error quotes nothing of it.
func ParseMintKey(data []byte) (*MintKey, error) {
	parse := parseMintPEM
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		parse = parseMintJWK
	}
	k, err := parse(data)
	if err != nil {
		return nil, err
	}
	if _, ok := k.material.(crypto.Signer); !ok {
		return nil, errors.New("not a private key that can sign: use RSA, EC or Ed25519")
	}
	return k, checkPublic(k.verifying())
}

func parseMintPEM(data []byte) (*MintKey, error) {
	var private *pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"): // such as EC PARAMETERS, which openssl puts before the key
		case private != nil:
			return nil, errors.New("more than one private key")
		default:
			private = block
		}
	}
	k := &MintKey{}
	var err error
	switch {
	case private == nil:
		return nil, errors.New("neither PEM with a private key nor a JWK")
	case private.Type == "PRIVATE KEY":
		k.material, err = x509.ParsePKCS8PrivateKey(private.Bytes)
	case private.Type == "RSA PRIVATE KEY" && private.Headers["DEK-Info"] == "":
		k.material, err = x509.ParsePKCS1PrivateKey(private.Bytes)
	case private.Type == "EC PRIVATE KEY" && private.Headers["DEK-Info"] == "":
		k.material, err = x509.ParseECPrivateKey(private.Bytes)
	default:
		return nil, errors.New("the private key is encrypted, or of an unknown kind: openssl pkcs8 -topk8 -nocrypt rewrites it")
	}
	if err != nil {
		return nil, errors.New("the private key is not readable")
	}
	return k, nil
}

func parseMintJWK(data []byte) (*MintKey, error) {
	var m struct {
		Kty string `json:"kty"`
		Kid string `json:"kid"`
		Crv string `json:"crv"`
		X   string `json:"x"`
		Y   string `json:"y"`
		N   string `json:"n"`
		E   string `json:"e"`
		D   string `json:"d"`
		P   string `json:"p"`
		Q   string `json:"q"`
		DP  string `json:"dp"`
		DQ  string `json:"dq"`
		QI  string `json:"qi"`
	}
	if err := parseObject(data, &m, "a JWK"); err != nil {
		return nil, err
	}
	if m.D == "" {
		return nil, errors.New("the JWK has no d: it is no private key")
	}
	key, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(m.Kty), CRV: jwkset.CRV(m.Crv), X: m.X, Y: m.Y, N: m.N, E: m.E, D: m.D, P: m.P, Q: m.Q, DP: m.DP, DQ: m.DQ, QI: m.QI,
	}, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, errors.New("the private JWK is not readable") // the cause may quote it
	}
	return &MintKey{ID: m.Kid, material: key.Key()}, nil
}
