package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

// TestVerify tries the signature of every algorithm with every key and every
// algorithm's name: it verifies exactly where all three belong together.
func TestVerify(t *testing.T) {
	shared := strings.Repeat("k", 32)
	public := func(key crypto.Signer) *keys.Key { return parse(t, jwkSet(publicJWK("", "", key)))[0] }
	ec384, ec521 := newEC(elliptic.P384()), newEC(elliptic.P521())
	candidates, err := load(t, keys.Settings{Secrets: []keys.SecretSettings{secret("", shared)}}).Candidates("", "", "HS256", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	families := []struct {
		algorithms string
		signer     any
		key        *keys.Key
	}{
		{"HS256 HS384 HS512", []byte(shared), candidates[0]},
		{"RS256 RS384 RS512 PS256 PS384 PS512", rsa2048(), public(rsa2048())},
		{"ES256", p256(), public(p256())},
		{"ES384", ec384, public(ec384)},
		{"ES512", ec521, public(ec521)},
		{"EdDSA", edwards(), public(edwards())},
	}
	var all []string
	for _, family := range families {
		all = append(all, strings.Fields(family.algorithms)...)
	}
	if diff := cmp.Diff(keys.AlgorithmNames(), all); diff != "" {
		t.Fatalf("algorithms (-have +tested):\n%s", diff)
	}
	for _, signing := range families {
		for _, signed := range strings.Fields(signing.algorithms) {
			input, signature := sign(t, signed, signing.signer)
			for _, verifying := range families {
				for _, claimed := range append(all, "none", "", "hs256", "ES256K") {
					fits := slices.Contains(strings.Fields(verifying.algorithms), claimed)
					want := policy.AlgorithmNotAllowed
					switch {
					case fits && claimed == signed:
						want = policy.ReasonNone
					case fits:
						want = policy.BadSignature
					}
					if got := policy.ReasonOf(verifying.key.Verify(claimed, input, signature)); got != want {
						t.Errorf("signed %s, key for %s, claimed %q: %v, want %v", signed, verifying.algorithms, claimed, got, want)
					}
					if verifying.key.Fits(claimed) != fits {
						t.Errorf("key for %s: Fits(%q) = %v", verifying.algorithms, claimed, !fits)
					}
				}
			}
		}
	}
}

func TestVerifyRefusesOtherForms(t *testing.T) {
	input := "e30.e30"
	hash := sha256.Sum256([]byte(input))
	asn1 := must(p256().Sign(rand.Reader, hash[:], crypto.SHA256))
	longSalt := must(rsa.SignPSS(rand.Reader, rsa2048(), crypto.SHA256, hash[:], &rsa.PSSOptions{SaltLength: 64}))
	_, raw := sign(t, "ES256", p256())
	_, ed := sign(t, "EdDSA", edwards())

	for name, test := range map[string]struct {
		algorithm string
		key       crypto.Signer
		signature []byte
	}{
		"ES256 in ASN.1":        {"ES256", p256(), asn1},
		"ES256 cut":             {"ES256", p256(), raw[:63]},
		"ES256 padded":          {"ES256", p256(), append([]byte{0}, raw...)},
		"ES256 zero":            {"ES256", p256(), make([]byte, 64)},
		"ES256 none":            {"ES256", p256(), nil},
		"PS256 with other salt": {"PS256", rsa2048(), longSalt},
		"EdDSA cut":             {"EdDSA", edwards(), ed[:63]},
	} {
		t.Run(name, func(t *testing.T) {
			key := parse(t, jwkSet(publicJWK("", "", test.key)))[0]
			if got := policy.ReasonOf(key.Verify(test.algorithm, input, test.signature)); got != policy.BadSignature {
				t.Errorf("Verify: %v", got)
			}
		})
	}
	// The salt is what was wrong above.
	if err := jwt.SigningMethodPS256.Verify(input, longSalt, rsa2048().Public()); err != nil {
		t.Error(err)
	}
}

func TestPinnedAlgorithm(t *testing.T) {
	key := parse(t, jwkSet(publicJWK("a", "PS256", rsa2048())))[0]
	input, signature := sign(t, "RS256", rsa2048())
	if got := policy.ReasonOf(key.Verify("RS256", input, signature)); got != policy.AlgorithmNotAllowed {
		t.Errorf("RS256 with a key that is published for PS256: %v", got)
	}
}

func TestCurrent(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		notBefore, notAfter time.Time
		want                bool
	}{
		{time.Time{}, time.Time{}, true},
		{at, time.Time{}, true},
		{at.Add(1), time.Time{}, false},
		{time.Time{}, at, false},
		{time.Time{}, at.Add(1), true},
	} {
		key := keys.Key{NotBefore: test.notBefore, NotAfter: test.notAfter}
		if key.Current(at) != test.want {
			t.Errorf("[%v, %v): Current = %v", test.notBefore, test.notAfter, !test.want)
		}
	}
}

// TestKeyIsNeverPrinted looks for the secret in every usual rendering.
func TestKeyIsNeverPrinted(t *testing.T) {
	const value = "0123456789abcdefghijklmnopqrstuv"
	set := load(t, keys.Settings{Secrets: []keys.SecretSettings{secret("a", value)}})
	candidates, _ := set.Candidates("", "a", "HS256", time.Time{})
	key := candidates[0]

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%b"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", candidates)
		fmt.Fprintf(&out, verb+"\n", struct{ K *keys.Key }{key})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", key, "set", set, "list", candidates)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "key", key, "set", set, "list", candidates)
	if err := json.NewEncoder(&out).Encode(key); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{value, hex.EncodeToString([]byte(value)), strings.Trim(fmt.Sprint([]byte(value)), "[]")} {
		if strings.Contains(strings.ToLower(out.String()), form) {
			t.Errorf("the secret is printed:\n%s", out.String())
		}
	}
	if got, want := fmt.Sprint(key), `key "a"`; got != want {
		t.Errorf("printed as %s, want %s", got, want)
	}
}

func TestEd25519IsNotConfusedWithSecret(t *testing.T) {
	public := edwards().Public().(ed25519.PublicKey)
	key := parse(t, jwkSet(publicJWK("", "", edwards())))[0]
	input, signature := sign(t, "HS256", []byte(public))
	if got := policy.ReasonOf(key.Verify("HS256", input, signature)); got != policy.AlgorithmNotAllowed {
		t.Errorf("HS256 keyed with a public key: %v", got)
	}
}

// Two keys are of the same material exactly where they verify the same, whatever is
// said of them.
func TestSameMaterial(t *testing.T) {
	certain := func(settings keys.Settings) *keys.Key {
		found, err := load(t, settings).Candidates("", "", "HS256", time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		return found[0]
	}
	shared := func(id, value string, end time.Time) *keys.Key {
		s := secret(id, value)
		s.NotAfter = end
		return certain(keys.Settings{Secrets: []keys.SecretSettings{s}})
	}
	published := func(kid, more string, key crypto.Signer) *keys.Key {
		return parse(t, jwkSet(with(publicJWK(kid, "", key), more)))[0]
	}
	one, other := strings.Repeat("k", 32), strings.Repeat("o", 32)
	otherEC := newEC(elliptic.P256())
	kinds := [][2]*keys.Key{ // each in two forms
		{shared("1", one, time.Time{}), shared("2", one, time.Unix(2, 0))},
		{shared("1", other, time.Time{}), shared("2", other, time.Time{})},
		{published("1", `"x5t":"a"`, rsa2048()), published("2", `"use":"sig"`, rsa2048())},
		{published("1", `"x5t":"a"`, p256()), published("2", `"use":"sig"`, p256())},
		{published("1", `"x5t":"a"`, otherEC), published("2", `"use":"sig"`, otherEC)},
		{published("1", `"x5t":"a"`, edwards()), published("2", `"use":"sig"`, edwards())},
	}
	for i, a := range kinds {
		for j, b := range kinds {
			if got := a[0].SameMaterial(b[1]); got != (i == j) {
				t.Errorf("%d and %d: %t", i, j, got)
			}
		}
	}
}
