package keys_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

const mintInput = "eyJhbGciOiJ4In0.e30"

// What a key signs, the set of its public halves verifies, and no other.
func TestMintKeysOfEachAlgorithm(t *testing.T) {
	for _, algorithm := range keys.AlgorithmNames() {
		own, err := keys.GenerateMintKey("own", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		own.Attributes = map[string]string{"project": "acme"}
		other, err := keys.GenerateMintKey("other", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		set, err := keys.MintSet([]*keys.MintKey{own})
		if err != nil {
			t.Fatal(err)
		}
		candidates, err := set.Candidates("", "own", algorithm, time.Unix(0, 0))
		if err != nil || len(candidates) != 1 || candidates[0].Attributes["project"] != "acme" {
			t.Fatalf("%s: %v, %v", algorithm, candidates, err)
		}
		for _, signer := range []struct {
			key  *keys.MintKey
			want policy.Reason
		}{{own, policy.ReasonNone}, {other, policy.BadSignature}} {
			signature, err := signer.key.Sign(algorithm, mintInput)
			if err != nil {
				t.Fatal(err)
			}
			if got := policy.ReasonOf(candidates[0].Verify(algorithm, mintInput, signature)); got != signer.want {
				t.Errorf("%s of %v: %v, want %v", algorithm, signer.key, got, signer.want)
			}
		}
		if id, ok := set.Holds(own); ok == strings.HasPrefix(algorithm, "HS") || ok && id != "own" {
			t.Errorf("%s: holds %q, %v", algorithm, id, ok)
		}
		if _, ok := set.Holds(other); ok {
			t.Errorf("%s: holds a key that is not in the set", algorithm)
		}
	}
	if _, err := keys.GenerateMintKey("", "none"); err == nil {
		t.Error("a key for none")
	}
}

func TestMintKeyFits(t *testing.T) {
	key := keys.NewMintKey("s", []byte("secret"))
	if !key.Fits("HS512") || key.Fits("RS256") || key.Fits("none") || key.Fits("") {
		t.Error("a secret fits HS alone")
	}
	if signature, err := key.Sign("ES256", mintInput); err == nil {
		t.Errorf("signed %x", signature)
	}
}

// Private keys as openssl and other implementations write them.
func TestParseMintKey(t *testing.T) {
	pkcs8 := func(key any) string { return pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
	jwk := func(key any) string {
		return string(must(json.Marshal(jose.JSONWebKey{KeyID: "k", Key: key})))
	}
	for name, c := range map[string]struct {
		text, algorithm, id string
		public              crypto.PublicKey
	}{
		"PKCS #8 RSA":     {pkcs8(rsa2048()), "PS256", "", rsa2048().Public()},
		"PKCS #8 EC":      {pkcs8(p256()), "ES256", "", p256().Public()},
		"PKCS #8 Ed25519": {pkcs8(edwards()), "EdDSA", "", edwards().Public()},
		"PKCS #1":         {pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa2048())), "RS256", "", rsa2048().Public()},
		"SEC 1": {pemBlock("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256()))),
			"ES256", "", p256().Public()},
		"JWK RSA":     {jwk(rsa2048()), "RS512", "k", rsa2048().Public()},
		"JWK EC":      {"\n" + jwk(p256()), "ES256", "k", p256().Public()},
		"JWK Ed25519": {jwk(edwards()), "EdDSA", "k", edwards().Public()},
	} {
		key, err := keys.ParseMintKey([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		signature, err := key.Sign(c.algorithm, mintInput)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := jwt.GetSigningMethod(c.algorithm).Verify(mintInput, signature, c.public); err != nil || key.ID != c.id {
			t.Errorf("%s: id %q, %v", name, key.ID, err)
		}
	}
}

func TestParseMintKeyRefuses(t *testing.T) {
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	ec := pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256())))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {"", "neither PEM with a private key nor a JWK"},
		"a public key":    {pemBlock("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(p256().Public()))), "neither PEM with a private key nor a JWK"},
		"two keys":        {ec + ec, "more than one private key"},
		"a weak key":      {pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa1024())), "an RSA key of 1024 bits is weak: 2048 is the least"},
		"encrypted":       {pemBlock("ENCRYPTED PRIVATE KEY", []byte("x")), "the private key is encrypted, or of an unknown kind: openssl pkcs8 -topk8 -nocrypt rewrites it"},
		"encrypted SEC 1": {"-----BEGIN EC PRIVATE KEY-----\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n", "the private key is encrypted, or of an unknown kind: openssl pkcs8 -topk8 -nocrypt rewrites it"},
		"garbage":         {pemBlock("PRIVATE KEY", []byte("secret")), "the private key is not readable"},
		"X25519":          {pemBlock("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(x25519))), "not a private key that can sign: use RSA, EC or Ed25519"},
		"a public JWK":    {publicJWK("k", "ES256", p256()), "the JWK has no d: it is no private key"},
		"a broken JWK":    {`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"secret"}`, "the private JWK is not readable"},
		"a secret":        {`{"kty":"oct","k":"c2VjcmV0","d":"x"}`, "the private JWK is not readable"},
		"no JWK":          {`{"kty":1}`, "not a JWK"},
		"no JSON":         {`{"kty"`, "not JSON: unexpected EOF at byte 6"},
	} {
		key, err := keys.ParseMintKey([]byte(c.text))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, %v, want %s", name, key, err, c.want)
		}
	}
}

// The secrets of a configuration sign while they are current.
func TestConfiguredMintKeys(t *testing.T) {
	at := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	old, next := strings.Repeat("o", 32), strings.Repeat("n", 32)
	list := []keys.SecretSettings{
		{ID: "old", Value: keys.Value{Literal: policy.Secret(old)}, NotAfter: at},
		{ID: "next", Value: keys.Value{Literal: policy.Secret(next)}},
	}
	settings := keys.Settings{Secrets: list}
	var problems policy.Problems
	set := settings.Load(nil, keys.Loader{}, false, &problems)
	if set == nil {
		t.Fatal(problems)
	}
	ring := must(keys.MintSet([]*keys.MintKey{keys.NewMintKey("x", []byte(old))}))
	for _, c := range []struct {
		got  *keys.MintKey
		want string
	}{
		{set.MintKey("", at.Add(-time.Second)), "old"},
		{set.MintKey("", at), "next"},
		{set.MintKey("old", at), ""},
		{set.MintKey("nobody", at), ""},
		{ring.MintKey("x", at), "x"},
	} {
		id := ""
		if c.got != nil {
			id = c.got.ID
		}
		if id != c.want {
			t.Errorf("got %q, want %q", id, c.want)
		}
	}
	message := [][]byte{[]byte("a"), []byte("b")}
	if _, err := set.VerifyMAC(sha256.New, message, set.MintKey("", at).MAC(sha256.New, message), at); err != nil {
		t.Error(err)
	}
}

// Nothing that prints a key prints what it signs with.
func TestMintKeyShowsNothing(t *testing.T) {
	key := keys.NewMintKey("k", []byte("shared-secret"))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	text := fmt.Sprintf("%v %+v %#v %s %d %x", key, key, key, key, key, key) + log.String()
	if data, err := json.Marshal(key); err == nil {
		text += string(data)
	}
	for _, secret := range []string{"shared-secret", fmt.Sprintf("%x", "shared-secret"), fmt.Sprint([]byte("shared-secret"))} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %s", text, secret)
		}
	}
}

// A throw-away authority issues certificates that only it vouches for.
func TestMintAuthority(t *testing.T) {
	own, other := must(keys.NewMintAuthority()), must(keys.NewMintAuthority())
	at := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: must(rand.Int(rand.Reader, rsa1024().N)), NotBefore: at, NotAfter: at.Add(time.Hour), DNSNames: []string{"ada"}}
	chain := must(own.Issue(template))
	pool, authorities := own.Authorities()
	strangers, _ := other.Authorities()
	for _, c := range []struct {
		roots *x509.CertPool
		ok    bool
	}{{pool, true}, {strangers, false}} {
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: c.roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if (err == nil) != c.ok {
			t.Errorf("%v: %v", c.ok, err)
		}
	}
	if diff := cmp.Diff([]string{"ada"}, chain[0].DNSNames); diff != "" || authorities.Key(keys.Fingerprint(chain[1])) == nil {
		t.Errorf("the chain does not end at the authority, or (-want +got):\n%s", diff)
	}
}
