package keys

import (
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"postern/policy"
)

// jwk is what decides about a key. x5t is left out, since some providers
// publish it in an encoding of their own, and so is x5u, since nothing is
// fetched because a key set says so.
type jwk struct {
	Kty    string         `json:"kty"`
	Use    string         `json:"use"`
	KeyOps []string       `json:"key_ops"`
	Alg    string         `json:"alg"`
	Kid    string         `json:"kid"`
	X5C    []string       `json:"x5c"`
	Crv    string         `json:"crv"`
	X      string         `json:"x"`
	Y      string         `json:"y"`
	N      string         `json:"n"`
	E      string         `json:"e"`
	D      jsontext.Value `json:"d"`
}

// ParseJWKS reads a JWK set (RFC 7517, section 5). A document with duplicate
// members, invalid UTF-8 or anything after it is refused as a whole. A key that
// is not for verifying signatures, weak or unreadable is ignored, and the others
// stay; a set of which none stays is an error.
func ParseJWKS(data []byte) (*Published, error) {
	var document struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := parseObject(data, &document, "a JSON object with an array of keys"); err != nil {
		return nil, err
	}
	result := &Published{}
	seen := make(map[[sha256.Size]byte]bool)
	for i, raw := range document.Keys {
		key, err := parseJWK(raw)
		switch {
		case err != nil:
			result.ignore(i, err)
		case !seen[key.identity]:
			// A key that is listed twice must not take two of the four tries.
			seen[key.identity] = true
			result.Keys = append(result.Keys, key)
		}
	}
	return result.check()
}

func parseJWK(raw jsontext.Value) (*Key, error) {
	var m jwk
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("not a JWK")
	}
	switch {
	case m.Kty != "RSA" && m.Kty != "EC" && m.Kty != "OKP":
		return nil, errors.New("kty is none of RSA, EC and OKP")
	case m.D != nil:
		return nil, errors.New("a private key: whoever reads the set can sign with it")
	case m.Use != "" && m.Use != "sig":
		return nil, errors.New("use is not sig")
	case m.KeyOps != nil && !slices.Contains(m.KeyOps, "verify"):
		return nil, errors.New("key_ops does not have verify")
	}
	material, err := m.material()
	if err != nil {
		return nil, err
	}
	members, err := parseMembers(raw)
	if err != nil {
		return nil, errors.New("not a JWK")
	}
	key := &Key{ID: m.Kid, algorithm: m.Alg, material: material, members: members}
	if m.Alg != "" && !key.Fits(m.Alg) {
		return nil, errors.New("alg does not fit the key")
	}
	return key.seal()
}

// materialMembers are the members of a JWK that are the key itself (RFC 7518,
// section 6; RFC 8037, section 2; RFC 7517, section 4.7).
var materialMembers = []string{"n", "e", "x", "y", "d", "p", "q", "dp", "dq", "qi", "oth", "k", "x5c"}

// parseMembers returns the other members, as far as they are strings or lists of
// strings.
func parseMembers(raw jsontext.Value) (map[string]any, error) {
	var object map[string]jsontext.Value
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	members := make(map[string]any)
	for name, value := range object {
		if slices.Contains(materialMembers, name) {
			continue
		}
		var parsed any // an error is one of a number that does not fit: no text
		if json.Unmarshal(value, &parsed) == nil && policy.StringList(parsed) != nil {
			members[name] = parsed
		}
	}
	return members, nil
}

// material returns the public key, checked.
func (m *jwk) material() (any, error) {
	parameters := jwkset.JWKMarshal{
		KTY: jwkset.KTY(m.Kty), CRV: jwkset.CRV(m.Crv), X: m.X, Y: m.Y, N: m.N, E: m.E, X5C: m.X5C,
	}
	if m.Kty == "OKP" {
		// Without it jwkset takes the certificate of an Ed25519 key for that of
		// another.
		parameters.ALG = jwkset.AlgEdDSA
	}
	// One key at a time: jwkset refuses a whole set for one bad key, and accepts
	// weak ones. Its errors may quote the key.
	key, err := jwkset.NewJWKFromMarshal(parameters, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	switch {
	case err == nil:
		return key.Key(), checkPublic(key.Key())
	case errors.Is(err, jwkset.ErrX509Mismatch):
		return nil, errors.New("x5c is the certificate of another key")
	case errors.Is(err, jwkset.ErrUnsupportedKey):
		return nil, errors.New("crv is not supported")
	case errors.Is(err, jwkset.ErrInvalidKey):
		return nil, errors.New("its parameters are out of range or off the curve")
	default:
		return nil, errors.New("its parameters are unreadable")
	}
}
