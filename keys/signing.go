package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/MicahParks/jwkset"

	"postern/policy"
)

// SigningKeySettings configure a key that Postern itself signs with.
type SigningKeySettings struct {
	// ID is the kid of what it signs.
	ID string `yaml:"id"`
	// File holds the private key in PEM: of P-256, Ed25519, or RSA of 2048 to 4096
	// bits.
	File string `yaml:"file"`
}

// CheckSigningKeys reports what is wrong with a list of signing keys itself.
func CheckSigningKeys(list []SigningKeySettings, at policy.Path, problems *policy.Problems) {
	ids := make(map[string]bool)
	for i, key := range list {
		checkID(key.ID, ids, at, i, problems)
		if key.File == "" {
			problems.Addf(at.At(i), "file is missing")
		}
	}
}

// SigningKey signs compact JWSs. It is immutable and safe for concurrent use, and
// nothing that formats, logs or marshals it shows its material.
type SigningKey struct {
	id        string
	algorithm *Algorithm
	private   crypto.Signer
	jwk       jwkset.JWKMarshal // of the public half
}

// LoadSigningKeys reads the files of a list that has passed [CheckSigningKeys].
// What cannot be used is reported, and left out of the result.
func LoadSigningKeys(list []SigningKeySettings, at policy.Path, l Loader, problems *policy.Problems) []*SigningKey {
	var keys []*SigningKey
	for i, s := range list {
		if s.File == "" {
			continue // reported already
		}
		key, err := loadSigningKey(s, l)
		if err != nil {
			problems.Addf(at.At(i, "file"), "%v", err)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func loadSigningKey(s SigningKeySettings, l Loader) (*SigningKey, error) {
	data, err := l.File(s.File)
	if err != nil {
		return nil, err
	}
	private, err := parsePrivatePEM(data)
	if err != nil {
		return nil, err
	}
	return newSigningKey(s.ID, private)
}

// GenerateSigningKey returns a new key, of P-256, that nothing else has.
func GenerateSigningKey() *SigningKey {
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // it never fails
	k, err := newSigningKey("throw-away", private)
	if err != nil {
		panic(err) // it is of a kind that signs
	}
	return k
}

func newSigningKey(id string, private crypto.Signer) (*SigningKey, error) {
	algorithm, err := signingAlgorithm(private.Public())
	if err != nil {
		return nil, err
	}
	jwk, err := jwkset.NewJWKFromKey(private.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{
		ALG: jwkset.ALG(algorithm.name), KID: id, USE: jwkset.UseSig,
	}})
	if err != nil {
		return nil, errors.New("its public half cannot be written as a JWK")
	}
	return &SigningKey{id, algorithm, private, jwk.Marshal()}, nil
}

// parsePrivatePEM reads the one private key of a file: PKCS #8, PKCS #1 or SEC 1.
// The errors quote nothing of it.
func parsePrivatePEM(data []byte) (crypto.Signer, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivateBlock(block)
	if err != nil {
		return nil, err
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, errNotForSigning
	}
	return private, nil
}

func parsePrivateBlock(block *pem.Block) (key any, err error) {
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block of type %q holds no private key that can be read here", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("not readable as %s", block.Type)
	}
	return key, nil
}

// maxSigningBits bounds an RSA modulus: a signature with a longer one takes more
// than ten milliseconds.
const maxSigningBits = 4096

var errNotForSigning = errors.New("wants a key of P-256, Ed25519 or RSA")

// signingAlgorithm returns the algorithm that a public key verifies.
func signingAlgorithm(public crypto.PublicKey) (*Algorithm, error) {
	if err := checkPublic(public); err != nil {
		return nil, err
	}
	name := ""
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, errNotForSigning
		}
		name = "ES256"
	case ed25519.PublicKey:
		name = "EdDSA"
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits > maxSigningBits {
			return nil, fmt.Errorf("an RSA key of %d bits is too slow to sign with: %d is the most", bits, maxSigningBits)
		}
		name = "RS256"
	}
	algorithm, _ := LookupAlgorithm(name)
	return algorithm, nil
}

// ID returns the kid of what the key signs.
func (k *SigningKey) ID() string { return k.id }

// Algorithm returns the JOSE name of the algorithm that the key signs with: ES256,
// EdDSA or RS256.
func (k *SigningKey) Algorithm() string { return k.algorithm.name }

// Sign returns the signature of the first two parts of a compact JWS, with the dot
// between them (RFC 7515, section 5.1).
func (k *SigningKey) Sign(signingInput string) []byte {
	signature, err := k.algorithm.method.Sign(signingInput, k.private)
	if err != nil {
		panic(err) // a key that could be read, and fits its algorithm, can sign
	}
	return signature
}

// PublicJWKS returns the JWK set (RFC 7517, section 5) of the public halves.
func PublicJWKS(list []*SigningKey) []byte {
	set := struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}{make([]jwkset.JWKMarshal, 0, len(list))}
	for _, k := range list {
		set.Keys = append(set.Keys, k.jwk)
	}
	document, err := json.Marshal(set)
	if err != nil {
		panic(err) // all of it is text
	}
	return document
}

// String names the key by its id.
func (k *SigningKey) String() string { return "signing key " + strconv.Quote(k.id) }

// Format prints what [SigningKey.String] returns for every verb: fmt would print
// the fields for those that are not for strings.
func (k *SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue names the key by its id, for log/slog.
func (k *SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
