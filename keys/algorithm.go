package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"

	"github.com/golang-jwt/jwt/v5"
)

// The bounds of an RSA modulus in bits. RFC 7518, section 3.3, asks for 2048;
// above 16384 a single signature costs more than a proxy should spend on it.
const (
	minRSABits = 2048
	maxRSABits = 16384
)

// Algorithm is a signature algorithm of RFC 7518, section 3, or RFC 8037. It is
// immutable.
type Algorithm struct {
	name   string
	method jwt.SigningMethod
	fits   func(material any) bool
}

// In the order in which a reader expects them. The table replaces golang-jwt's
// registry, which other packages can change.
var algorithms = [...]Algorithm{
	{"HS256", jwt.SigningMethodHS256, isSecret},
	{"HS384", jwt.SigningMethodHS384, isSecret},
	{"HS512", jwt.SigningMethodHS512, isSecret},
	{"RS256", jwt.SigningMethodRS256, isRSA},
	{"RS384", jwt.SigningMethodRS384, isRSA},
	{"RS512", jwt.SigningMethodRS512, isRSA},
	{"PS256", pss(jwt.SigningMethodPS256), isRSA},
	{"PS384", pss(jwt.SigningMethodPS384), isRSA},
	{"PS512", pss(jwt.SigningMethodPS512), isRSA},
	{"ES256", jwt.SigningMethodES256, isOn(elliptic.P256())},
	{"ES384", jwt.SigningMethodES384, isOn(elliptic.P384())},
	{"ES512", jwt.SigningMethodES512, isOn(elliptic.P521())},
	{"EdDSA", jwt.SigningMethodEdDSA, isEd25519},
}

// LookupAlgorithm returns the algorithm of a JOSE name, in its exact spelling.
func LookupAlgorithm(name string) (*Algorithm, bool) {
	for i := range algorithms {
		if algorithms[i].name == name {
			return &algorithms[i], true
		}
	}
	return nil, false
}

// AlgorithmNames lists the JOSE names of all algorithms.
func AlgorithmNames() []string {
	names := make([]string, len(algorithms))
	for i := range algorithms {
		names[i] = algorithms[i].name
	}
	return names
}

// Symmetric reports whether whoever can verify can also sign (HS256 and the
// like).
func (a *Algorithm) Symmetric() bool {
	_, ok := a.method.(*jwt.SigningMethodHMAC)
	return ok
}

// pss returns the method with the salt length that RFC 7518, section 3.5,
// demands; golang-jwt verifies any.
func pss(m *jwt.SigningMethodRSAPSS) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

func isSecret(material any) bool {
	_, ok := material.([]byte)
	return ok
}

func isRSA(material any) bool {
	_, ok := material.(*rsa.PublicKey)
	return ok
}

func isOn(curve elliptic.Curve) func(any) bool {
	return func(material any) bool {
		key, ok := material.(*ecdsa.PublicKey)
		return ok && key.Curve == curve
	}
}

func isEd25519(material any) bool {
	_, ok := material.(ed25519.PublicKey)
	return ok
}

// checkPublic refuses what no algorithm may verify with: other kinds of keys,
// weak ones, and points off their curve.
func checkPublic(material any) error {
	switch key := material.(type) {
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits < minRSABits:
			return fmt.Errorf("an RSA key of %d bits is weak: %d is the least", bits, minRSABits)
		case bits > maxRSABits:
			return fmt.Errorf("an RSA key of %d bits is too long: %d is the most", bits, maxRSABits)
		case key.N.Bit(0) == 0, key.E < 3, key.E%2 == 0, key.E > math.MaxInt32:
			return errors.New("not an RSA key: its modulus or its exponent cannot be one")
		}
		return nil
	case *ecdsa.PublicKey:
		// ECDH refuses curves other than P-256, P-384 and P-521, and points that
		// are not on them.
		if _, err := key.ECDH(); err != nil {
			return errors.New("an EC key must be a point on P-256, P-384 or P-521")
		}
		return nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return errors.New("an Ed25519 key has 32 bytes")
		}
		return nil
	default:
		return errors.New("only RSA, EC and Ed25519 keys verify signatures")
	}
}
