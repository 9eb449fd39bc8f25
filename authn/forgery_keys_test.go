package authn_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// publicAlgorithms are those that verify with a public key.
func publicAlgorithms() []string {
	return slices.DeleteFunc(keys.AlgorithmNames(), func(name string) bool { return strings.HasPrefix(name, "HS") })
}

// keyOfEachKind are the public keys of an authenticator, by kid.
func keyOfEachKind() map[string]crypto.Signer {
	return map[string]crypto.Signer{"rsa": rsaKey(), "p256": p256(), "p384": p384(), "p521": p521(), "ed": ed25519Key()}
}

func newPublicVerifier(t testing.TB) *authn.JWT {
	return newJWT(t, func(s *authn.JWTSettings) {
		s.Keys, s.Algorithms = publicKeys(t, keyOfEachKind()), publicAlgorithms()
	})
}

// RFC 8725, section 3.2: none is an algorithm in no spelling, with no signature,
// and whatever keys there are.
func TestNoneInAnyCase(t *testing.T) {
	verifiers := map[string]*authn.JWT{"public keys": newPublicVerifier(t), "secret": newJWT(t, nil)}
	good := strings.Split(mint(t, "RS256", header, claims), ".")
	for spelling := range 1 << len("none") {
		name := []byte("none")
		for i := range name {
			if spelling>>i&1 == 1 {
				name[i] -= 'a' - 'A'
			}
		}
		for _, kid := range []string{"", `,"kid":"rsa"`, `,"kid":"k1"`} {
			input := encode(`{"alg":"`+string(name)+`"`+kid+`}`) + "." + good[1]
			for _, token := range []string{input + ".", input + "." + good[2], sign(t, "HS256", []byte{}, input)} {
				for keys, verifier := range verifiers {
					if _, got := verify(t, verifier, token); got != policy.AlgorithmNotAllowed {
						t.Errorf("%s, kid %q, %s: %v", name, kid, keys, got)
					}
				}
			}
		}
	}
}

// encodings are the bytes that somebody may take for a shared secret who knows
// only the public key.
func encodings(t testing.TB) map[string][]byte {
	t.Helper()
	public := &rsaKey().PublicKey
	pkix1, pkcs1 := must(x509.MarshalPKIXPublicKey(public)), x509.MarshalPKCS1PublicKey(public)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}}
	certificate := must(x509.CreateCertificate(rand.Reader, template, template, public, rsaKey()))
	jwk := must(jose.JSONWebKey{Key: public, KeyID: "rsa", Algorithm: "RS256", Use: "sig"}.MarshalJSON())
	modulus := public.N.Bytes()
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return map[string][]byte{
		"PKIX":              pkix1,
		"PKIX in PEM":       block("PUBLIC KEY", pkix1),
		"PKIX in base64":    []byte(base64.StdEncoding.EncodeToString(pkix1)),
		"PKCS #1":           pkcs1,
		"PKCS #1 in PEM":    block("RSA PUBLIC KEY", pkcs1),
		"certificate":       certificate,
		"cert in PEM":       block("CERTIFICATE", certificate),
		"JWK":               jwk,
		"JWK set":           []byte(`{"keys":[` + string(jwk) + `]}`),
		"modulus":           modulus,
		"modulus in hex":    []byte(hex.EncodeToString(modulus)),
		"modulus as a JWK":  []byte(base64.RawURLEncoding.EncodeToString(modulus)),
		"modulus in ASN.1":  append([]byte{0}, modulus...),
		"nothing":           {},
		"the kid":           []byte("rsa"),
		"the issuer's name": []byte("https://idp.example.com/"),
	}
}

// RFC 8725, section 2.1: a public key is never a shared secret, in no encoding.
func TestPublicKeyIsNoSecret(t *testing.T) {
	verifiers := map[string]*authn.JWT{"every kind": newPublicVerifier(t), "one key": newOracleVerifier(t, "RS256")}
	for name, encoding := range encodings(t) {
		forms := map[string][]byte{
			"": encoding, "with a line break": append(slices.Clip(encoding), '\n'), "with CR LF": append(slices.Clip(encoding), '\r', '\n'),
			"trimmed": []byte(strings.TrimSpace(string(encoding))), "with NUL": append(slices.Clip(encoding), 0),
		}
		for form, key := range forms {
			for _, algorithm := range []string{"HS256", "HS384", "HS512"} {
				for _, kid := range []string{"", `,"kid":"rsa"`, `,"kid":"k1"`} {
					token := sign(t, algorithm, key, encode(`{"alg":"`+algorithm+`"`+kid+`}`)+"."+encode(claims))
					for by, verifier := range verifiers {
						if _, got := verify(t, verifier, token); got != policy.AlgorithmNotAllowed {
							t.Errorf("%s with the %s %s, kid %q, %s: %v", algorithm, name, form, kid, by, got)
						}
					}
					// Nor with the name of an algorithm that is allowed.
					renamed := sign(t, algorithm, key, encode(`{"alg":"RS256","kid":"rsa"}`)+"."+encode(claims))
					if _, got := verify(t, verifiers["every kind"], renamed); got != policy.BadSignature {
						t.Errorf("%s with the %s %s as RS256: %v", algorithm, name, form, got)
					}
				}
			}
		}
	}
}

// Whatever signs, whatever it says and whichever key it names: a token verifies
// only where the three belong together (RFC 7518, sections 3.1 and 6; RFC 8037).
func TestAlgorithmKeyAndCurveBelongTogether(t *testing.T) {
	verifier := newPublicVerifier(t)
	belongs := func(algorithm, kid string) bool {
		switch kid {
		case "rsa":
			return algorithm[1:2] == "S" && algorithm[0] != 'E' // RS and PS
		case "ed":
			return algorithm == "EdDSA"
		}
		return algorithm == map[string]string{"p256": "ES256", "p384": "ES384", "p521": "ES512"}[kid]
	}
	for _, signs := range publicAlgorithms() {
		for _, says := range publicAlgorithms() {
			for kid := range keyOfEachKind() {
				want := policy.AlgorithmNotAllowed
				switch {
				case belongs(says, kid) && signs == says:
					want = policy.ReasonNone
				case belongs(says, kid):
					want = policy.BadSignature
				}
				token := mint(t, signs, `{"alg":"`+says+`","kid":"`+kid+`"}`, claims)
				if _, got := verify(t, verifier, token); got != want {
					t.Errorf("signed by %s, alg %s, kid %s: %v, want %v", signs, says, kid, got, want)
				}
			}
		}
	}
}

// RFC 7518, section 3.5: the salt is as long as the hash, no shorter and no
// longer.
func TestPSSSaltLength(t *testing.T) {
	verifier := newPublicVerifier(t)
	for algorithm, hash := range map[string]crypto.Hash{"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512} {
		input := encode(`{"alg":"`+algorithm+`","kid":"rsa"}`) + "." + encode(claims)
		digest := hash.New()
		digest.Write([]byte(input))
		size, longest := hash.Size(), rsaKey().Size()-hash.Size()-2
		for _, length := range []int{0, 1, 20, size - 1, size, size + 1, longest} {
			want := policy.BadSignature
			if length == size {
				want = policy.ReasonNone
			}
			signature := signPSS(rsaKey(), hash, digest.Sum(nil), make([]byte, length))
			if _, got := verify(t, verifier, input+"."+encode(string(signature))); got != want {
				t.Errorf("%s with %d bytes of salt: %v, want %v", algorithm, length, got, want)
			}
		}
	}
}

// signPSS signs a digest with a salt of any length (RFC 8017, section 9.1.1);
// crypto/rsa takes none of no bytes.
func signPSS(key *rsa.PrivateKey, hash crypto.Hash, digest, salt []byte) []byte {
	h := hash.New()
	h.Write(slices.Concat(make([]byte, 8), digest, salt))
	seed := h.Sum(nil)
	block := make([]byte, key.Size()-hash.Size()-1)
	copy(block[len(block)-len(salt)-1:], append([]byte{1}, salt...))
	for i, counter := 0, byte(0); i < len(block); counter++ {
		h.Reset()
		h.Write(append(slices.Clone(seed), 0, 0, 0, counter))
		for _, mask := range h.Sum(nil) {
			if i < len(block) {
				block[i] ^= mask
				i++
			}
		}
	}
	block[0] &= 0x7f
	message := new(big.Int).SetBytes(slices.Concat(block, seed, []byte{0xbc}))
	return message.Exp(message, key.D, key.N).FillBytes(make([]byte, key.Size()))
}
