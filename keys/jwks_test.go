package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaJWK(n *big.Int, e int64) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":"bad","n":%q,"e":%q}`, b64(n.Bytes()), b64(big.NewInt(e).Bytes()))
}

// TestParseJWKSIgnores puts one bad key beside a good one: the good one stays.
func TestParseJWKSIgnores(t *testing.T) {
	good := publicJWK("good", "", edwards())
	ec := publicJWK("bad", "", p256())
	coordinate := b64(make([]byte, 32))
	private := string(must(json.Marshal(jose.JSONWebKey{KeyID: "bad", Key: p256()})))
	odd := new(big.Int).SetBit(big.NewInt(1), 2047, 1)
	x5c := func(der []byte) string {
		return fmt.Sprintf(`"x5c":[%q]`, base64.StdEncoding.EncodeToString(der))
	}
	for name, test := range map[string]struct{ bad, reason string }{
		"shared secret":      {`{"kty":"oct","kid":"bad","k":"c2VjcmV0"}`, "kty is none of RSA, EC and OKP"},
		"unknown kty":        {`{"kty":"AKP","kid":"bad"}`, "kty is none of RSA, EC and OKP"},
		"kty in other case":  {`{"KTY":"EC","kid":"bad"}`, "kty is none of RSA, EC and OKP"},
		"private":            {private, "a private key: whoever reads the set can sign with it"},
		"for encryption":     {with(ec, `"use":"enc"`), "use is not sig"},
		"for signing only":   {with(ec, `"key_ops":["sign"]`), "key_ops does not have verify"},
		"for nothing":        {with(ec, `"key_ops":[]`), "key_ops does not have verify"},
		"alg of another kty": {publicJWK("bad", "RS256", p256()), "alg does not fit the key"},
		"alg of other curve": {publicJWK("bad", "ES384", p256()), "alg does not fit the key"},
		"alg none":           {publicJWK("bad", "none", p256()), "alg does not fit the key"},
		"alg HS256":          {publicJWK("bad", "HS256", p256()), "alg does not fit the key"},
		"RSA-1024":           {publicJWK("bad", "", rsa1024()), "an RSA key of 1024 bits is weak: 2048 is the least"},
		"RSA-16385":          {rsaJWK(new(big.Int).SetBit(big.NewInt(1), 16384, 1), 65537), "an RSA key of 16385 bits is too long: 16384 is the most"},
		"even exponent":      {rsaJWK(odd, 65536), "not an RSA key: its modulus or its exponent cannot be one"},
		"exponent 1":         {rsaJWK(odd, 1), "its parameters are out of range or off the curve"},
		"exponent of 65 bits": {
			fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q}`, b64(odd.Bytes()), b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})),
			"its parameters are unreadable",
		},
		"even modulus":     {rsaJWK(new(big.Int).SetBit(new(big.Int), 2047, 1), 65537), "not an RSA key: its modulus or its exponent cannot be one"},
		"off its curve":    {fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%[1]q,"y":%[1]q}`, coordinate), "its parameters are out of range or off the curve"},
		"secp256k1":        {fmt.Sprintf(`{"kty":"EC","crv":"secp256k1","x":%[1]q,"y":%[1]q}`, coordinate), "crv is not supported"},
		"X25519":           {fmt.Sprintf(`{"kty":"OKP","crv":"X25519","x":%q}`, coordinate), "only RSA, EC and Ed25519 keys verify signatures"},
		"Ed448":            {fmt.Sprintf(`{"kty":"OKP","crv":"Ed448","x":%q}`, coordinate), "crv is not supported"},
		"short Ed25519":    {`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`, "its parameters are unreadable"},
		"bad base64":       {`{"kty":"OKP","crv":"Ed25519","x":"!"}`, "its parameters are unreadable"},
		"no parameters":    {`{"kty":"RSA"}`, "its parameters are unreadable"},
		"x5c of another":   {with(ec, x5c(certificate(edwards()))), "x5c is the certificate of another key"},
		"x5c unreadable":   {with(ec, `"x5c":["AAAA"]`), "its parameters are unreadable"},
		"kid not a string": {`{"kty":"RSA","kid":7}`, "not a JWK"},
		"not an object":    {`7`, "not a JWK"},
		"null":             {`null`, "kty is none of RSA, EC and OKP"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keys.ParseJWKS([]byte(jwkSet(test.bad, good)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"good"}, ids(got.Keys)); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"keys[0]: " + test.reason}, got.Reasons); diff != "" || got.Ignored != 1 {
				t.Errorf("%d ignored (-want +got):\n%s", got.Ignored, diff)
			}
			_, err = keys.ParseJWKS([]byte(jwkSet(test.bad)))
			if want := "no usable key: keys[0]: " + test.reason; errorText(err) != want {
				t.Errorf("a set of this key alone: %v, want %s", err, want)
			}
		})
	}
}

func TestParseJWKSAccepts(t *testing.T) {
	x5c := func(der []byte) string {
		return fmt.Sprintf(`"x5c":[%q]`, base64.StdEncoding.EncodeToString(der))
	}
	for name, key := range map[string]string{
		"RSA":             publicJWK("k", "RS256", rsa2048()),
		"EC":              publicJWK("k", "", p256()),
		"Ed25519":         publicJWK("k", "EdDSA", edwards()),
		"use":             with(publicJWK("k", "", p256()), `"use":"sig","key_ops":["sign","verify","x-other"]`),
		"x5c":             with(publicJWK("k", "", p256()), x5c(certificate(p256()))),
		"x5c of Ed25519":  with(publicJWK("k", "", edwards()), x5c(certificate(edwards()))),
		"odd x5t":         with(publicJWK("k", "", p256()), x5c(certificate(p256()))+`,"x5t":"odd"`),
		"x5u in http":     with(publicJWK("k", "", p256()), `"x5u":"http://127.0.0.1:1/"`),
		"unknown members": with(publicJWK("k", "", p256()), `"KID":"other","x-y":{"z":[]}`),
		"listed twice":    publicJWK("k", "", p256()) + "," + publicJWK("k", "", p256()),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keys.ParseJWKS([]byte(jwkSet(key)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"k"}, ids(got.Keys)); diff != "" || got.Ignored != 0 {
				t.Errorf("%v ignored, keys (-want +got):\n%s", got.Reasons, diff)
			}
		})
	}
}

func TestParseJWKSRefuses(t *testing.T) {
	good := publicJWK("good", "", edwards())
	for name, test := range map[string]struct{ document, want string }{
		"nothing":            {"", "not JSON: unexpected EOF at byte 0"},
		"HTML":               {"<!DOCTYPE html><html></html>", "not JSON: invalid character '<' at start of value at byte 0"},
		"null":               {"null", "a set without keys"},
		"array":              {"[" + good + "]", "not a JSON object with an array of keys"},
		"no keys":            {"{}", "a set without keys"},
		"empty set":          {jwkSet(), "a set without keys"},
		"keys is an object":  {`{"keys":` + good + `}`, "not a JSON object with an array of keys"},
		"keys in other case": {`{"KEYS":[` + good + `]}`, "a set without keys"},
		"a single JWK":       {good, "a set without keys"},
		"keys twice":         {`{"keys":[],"keys":[` + good + `]}`, "not JSON: duplicate object member name at byte 11"},
		"member twice":       {jwkSet(`{"kty":"EC","kty":"OKP"}`, good), "not JSON: duplicate object member name at byte 21"},
		"trailing data":      {jwkSet(good) + "x", "not JSON: invalid character 'x' after top-level value at byte"},
		"second document":    {jwkSet(good) + jwkSet(), "not JSON: invalid character '{' after top-level value at byte"},
		"invalid UTF-8":      {jwkSet(with(good, "\"z\":\"\xff\"")), "not JSON: invalid UTF-8 at byte"},
		"cut short":          {strings.TrimSuffix(jwkSet(good), "}"), "not JSON: unexpected EOF at byte"},
		"deep":               {`{"keys":` + strings.Repeat("[", 1<<20), "not JSON: exceeded max depth at byte"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keys.ParseJWKS([]byte(test.document))
			if got := errorText(err); !strings.HasPrefix(got, test.want) || got == "" {
				t.Errorf("ParseJWKS: %q, want %q", got, test.want)
			}
		})
	}
}

func TestParseJWKSBoundsReasons(t *testing.T) {
	bad := strings.Repeat("7,", 999) + "7"
	got, err := keys.ParseJWKS([]byte(jwkSet(bad, publicJWK("", "", edwards()))))
	if err != nil {
		t.Fatal(err)
	}
	if got.Ignored != 1000 || len(got.Reasons) != 8 {
		t.Errorf("%d ignored, %d reasons", got.Ignored, len(got.Reasons))
	}
}

// FuzzParseJWKS holds that what is accepted verifies public-key signatures
// only, and that no key is handed out for an algorithm that it does not fit.
func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(jwkSet(publicJWK("a", "", p256()), publicJWK("b", "RS256", rsa2048()))))
	f.Add([]byte(jwkSet(publicJWK("", "EdDSA", edwards()), `{"kty":"oct","k":"AA"}`)))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQ"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := keys.ParseJWKS(data)
		if (err == nil) != (set != nil && len(set.Keys) > 0) {
			t.Fatalf("ParseJWKS = %v, %v", set, err)
		}
		if err != nil {
			return
		}
		for _, k := range set.Keys {
			fits := 0
			for _, name := range keys.AlgorithmNames() {
				a, _ := keys.LookupAlgorithm(name)
				if !k.Fits(name) {
					continue
				}
				fits++
				if a.Symmetric() {
					t.Errorf("%v fits %s", k, name)
				}
				if got := policy.ReasonOf(k.Verify(name, "e30.e30", nil)); got != policy.BadSignature {
					t.Errorf("an empty signature: %v", got)
				}
			}
			if fits == 0 || k.Symmetric() || !k.Live() || !k.Current(time.Now()) {
				t.Errorf("%v is of no use", k)
			}
		}
	})
}

// What a JWK says of itself is kept, its material is not.
func TestJWKMembers(t *testing.T) {
	document := with(publicJWK("k", "ES256", p256()),
		`"use":"sig","key_ops":["verify"],"endorsements":["webchat","line"],"KID":"other","empty":[],"x5t":"t",`+
			`"number":7,"huge":1e999,"null":null,"mixed":["a",7],"object":{"a":"b"},"k":"material","x5c":[]`)
	want := map[string]any{
		"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig", "key_ops": []any{"verify"},
		"endorsements": []any{"webchat", "line"}, "KID": "other", "empty": []any{}, "x5t": "t",
	}
	if diff := cmp.Diff(want, parse(t, jwkSet(document))[0].Members()); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// Of a secret only its id is known.
func TestSecretMembers(t *testing.T) {
	found, err := load(t, keys.Settings{Secrets: []keys.SecretSettings{secret("k1", "v")}}).Candidates("", "", "HS256", time.Unix(1, 0))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if diff := cmp.Diff(map[string]any{"kid": "k1"}, found[0].Members()); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// A key that says something new of itself is a new key: what an identity has kept
// of the old one ends.
func TestChangedMembersMakeANewKey(t *testing.T) {
	set := func(endorsement string) *keys.Static {
		path := filepath.Join(t.TempDir(), "jwks.json")
		document := jwkSet(with(publicJWK("k", "", p256()), fmt.Sprintf(`"endorsements":[%q]`, endorsement)))
		if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		return load(t, keys.Settings{JWKSFile: path})
	}
	if !set("a").Equal(set("a")) || set("a").Equal(set("b")) {
		t.Error("endorsements do not tell keys apart")
	}
}
