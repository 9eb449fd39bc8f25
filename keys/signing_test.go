package keys_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func privatePEM(kind string, der []byte, err error) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: must(der, err)}))
}

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return privatePEM("PRIVATE KEY", der, err)
}

// loadSigning loads keys with the ids k0, k1 and so on.
func loadSigning(t testing.TB, texts ...string) ([]*keys.SigningKey, []string) {
	t.Helper()
	dir := t.TempDir()
	var settings []keys.SigningKeySettings
	for i, text := range texts {
		name := fmt.Sprintf("k%d", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		settings = append(settings, keys.SigningKeySettings{ID: name, File: name})
	}
	var problems policy.Problems
	keys.CheckSigningKeys(settings, nil, &problems)
	list := keys.LoadSigningKeys(settings, nil, keys.Loader{Dir: dir}, &problems)
	var faults []string
	for _, p := range problems.List {
		faults = append(faults, p.Message)
	}
	return list, faults
}

// What each kind of key signs verifies, by another implementation, with the key of
// its id in the published set.
func TestSigningKeys(t *testing.T) {
	ec, err := x509.MarshalECPrivateKey(p256())
	list, faults := loadSigning(t,
		pkcs8(p256()), pkcs8(edwards()), pkcs8(rsa2048()),
		privatePEM("EC PRIVATE KEY", ec, err),
		privatePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa2048()), nil),
	)
	if len(list) != 5 || faults != nil {
		t.Fatalf("%v, %v", list, faults)
	}
	document := keys.PublicJWKS(list)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.ParseJWKS(document); err != nil {
		t.Error(err)
	}
	for i, algorithm := range []string{"ES256", "EdDSA", "RS256", "ES256", "RS256"} {
		k := list[i]
		if k.Algorithm() != algorithm || k.ID() != fmt.Sprintf("k%d", i) {
			t.Errorf("%v signs with %s", k, k.Algorithm())
		}
		published := set.Key(k.ID())
		if len(published) != 1 || !published[0].IsPublic() || published[0].Algorithm != algorithm || published[0].Use != "sig" {
			t.Fatalf("%s publishes %+v", k, published)
		}
		input := b64([]byte(`{"alg":"`+algorithm+`"}`)) + "." + b64([]byte(`{}`))
		token, err := jose.ParseSignedCompact(input+"."+b64(k.Sign(input)), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := token.Verify(published[0]); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestSigningKeysAtFault(t *testing.T) {
	p384 := newEC(elliptic.P384())
	long := must(rsa.GenerateKey(rand.Reader, 4104))
	public := must(x509.MarshalPKIXPublicKey(p256().Public()))
	texts := []string{
		"", "no PEM", pkcs8(p256()) + pkcs8(p256()), pkcs8(p384), pkcs8(rsa1024()), pkcs8(long),
		pkcs8(must(ecdh.X25519().GenerateKey(rand.Reader))),
		privatePEM("PUBLIC KEY", public, nil), privatePEM("ENCRYPTED PRIVATE KEY", public, nil), privatePEM("PRIVATE KEY", public, nil),
	}
	list, got := loadSigning(t, texts...)
	for i := range got {
		if _, text, temporary := strings.Cut(got[i], "/k0 "); temporary {
			got[i] = text
		}
	}
	want := []string{
		"is empty",
		"not a single PEM block",
		"more than one PEM block: give each key a file of its own",
		"wants a key of P-256, Ed25519 or RSA",
		"an RSA key of 1024 bits is weak: 2048 is the least",
		"an RSA key of 4104 bits is too slow to sign with: 4096 is the most",
		"wants a key of P-256, Ed25519 or RSA",
		`a PEM block of type "PUBLIC KEY" holds no private key that can be read here`,
		`a PEM block of type "ENCRYPTED PRIVATE KEY" holds no private key that can be read here`,
		"not readable as PRIVATE KEY",
	}
	if diff := cmp.Diff(want, got); diff != "" || list != nil {
		t.Errorf("%v loaded (-want +got):\n%s", list, diff)
	}
}

// However a key is printed, only its id is shown.
func TestSigningKeyIsNotShown(t *testing.T) {
	list, _ := loadSigning(t, pkcs8(p256()))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("a key", "key", list[0])
	shown := fmt.Sprintf("%v %+v %#v %d %x %s %q", list[0], list[0], list[0], list[0], list[0], list, list[0])
	if want := strings.TrimSpace(strings.Repeat(`signing key "k0" `, 5) + `[signing key "k0"] signing key "k0"`); shown != want {
		t.Errorf("got %s", shown)
	}
	if !strings.Contains(log.String(), `key="signing key \"k0\""`) {
		t.Error(log.String())
	}
}

func BenchmarkSign(b *testing.B) {
	for name, key := range map[string]crypto.Signer{"ES256": p256(), "EdDSA": edwards(), "RS256": rsa2048(), "RS256 of 4096 bits": must(rsa.GenerateKey(rand.Reader, 4096))} {
		list, _ := loadSigning(b, pkcs8(key))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				list[0].Sign("a.b")
			}
		})
	}
}
