package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MintKey signs what is made to test a policy: a shared secret, or a private key.
// Postern itself issues no token with one. It is immutable and safe for concurrent
// use, and nothing that formats or logs it shows its material.
type MintKey struct {
	// ID is the kid of its tokens, "" for none.
	ID string
	// Attributes are those of the [Key] that verifies what it signs.
	Attributes map[string]string
	// NotBefore and NotAfter bound when that one is current; a zero time is no bound.
	NotBefore, NotAfter time.Time

	material any // []byte or a crypto.Signer
}

// NewMintKey returns the key of a shared secret.
func NewMintKey(id string, secret []byte) *MintKey { return &MintKey{ID: id, material: secret} }

// GenerateMintKey makes a new key that signs with an algorithm of
// [LookupAlgorithm].
func GenerateMintKey(id, algorithm string) (*MintKey, error) {
	k := &MintKey{ID: id}
	a, ok := LookupAlgorithm(algorithm)
	if !ok {
		return nil, fmt.Errorf("%q is no algorithm", algorithm)
	}
	var err error
	switch method := a.method.(type) {
	case *jwt.SigningMethodHMAC:
		k.material = []byte(rand.Text() + rand.Text() + rand.Text())
	case *jwt.SigningMethodECDSA:
		curves := map[int]elliptic.Curve{256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}
		k.material, err = ecdsa.GenerateKey(curves[method.CurveBits], rand.Reader)
	case *jwt.SigningMethodEd25519:
		_, k.material, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.material, err = rsa.GenerateKey(rand.Reader, minRSABits)
	}
	return k, err
}

// MintSet returns the set of the keys that verify what others sign: all of them
// are secrets, or none is.
func MintSet(signers []*MintKey) (*Static, error) {
	set := &Static{}
	verifying := make([]*Key, 0, len(signers))
	for _, s := range signers {
		key := &Key{ID: s.ID, Attributes: s.Attributes, NotBefore: s.NotBefore, NotAfter: s.NotAfter, material: s.verifying()}
		set.symmetric = isSecret(key.material)
		if !set.symmetric {
			if err := checkPublic(key.material); err != nil {
				return nil, err
			}
		}
		key, err := key.seal()
		if err != nil {
			return nil, err
		}
		verifying = append(verifying, key)
	}
	set.set = newSet(verifying)
	return set, nil
}

// verifying returns the material of the key that verifies.
func (k *MintKey) verifying() any {
	if private, ok := k.material.(crypto.Signer); ok {
		return private.Public()
	}
	return k.material
}

// Fits reports whether the key can sign with an algorithm.
func (k *MintKey) Fits(algorithm string) bool {
	a, ok := LookupAlgorithm(algorithm)
	return ok && a.fits(k.verifying())
}

// Sign returns the signature of the first two parts of a compact JWS. The key must
// fit the algorithm.
func (k *MintKey) Sign(algorithm, signingInput string) ([]byte, error) {
	a, ok := LookupAlgorithm(algorithm)
	if !ok || !k.Fits(algorithm) {
		return nil, fmt.Errorf("%s cannot sign with %q", k, algorithm)
	}
	return a.method.Sign(signingInput, k.material)
}

// MAC returns the HMAC (RFC 2104) of a message that is given in parts, under the
// shared secret.
func (k *MintKey) MAC(newHash func() hash.Hash, message [][]byte) []byte {
	secret, _ := k.material.([]byte)
	h := hmac.New(newHash, secret)
	for _, part := range message {
		h.Write(part)
	}
	return h.Sum(nil)
}

// String names the key by its id.
func (k *MintKey) String() string { return "key " + strconv.Quote(k.ID) }

// Format prints what [MintKey.String] returns for every verb: fmt would print the
// fields for those that are not for strings.
func (k *MintKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue names the key by its id, for log/slog.
func (k *MintKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
