package authn_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json/jsontext"

	"postern/authn"
)

// joseVerify is go-jose's verdict on a token for one algorithm and key, whose
// clock is off by so much. It reads no claims but the times: what else stands in
// a token, Postern leaves to the configuration.
func joseVerify(token, algorithm string, key any, leeway time.Duration) (payload []byte, err error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return nil, err
	}
	if payload, err = signed.Verify(key); err != nil {
		return nil, err
	}
	var times struct {
		Exp *josejwt.NumericDate `json:"exp"`
		Nbf *josejwt.NumericDate `json:"nbf"`
		Iat *josejwt.NumericDate `json:"iat"`
	}
	if err := josejson.Unmarshal(payload, &times); err != nil {
		return nil, err
	}
	if times.Exp == nil {
		return nil, errors.New("no exp")
	}
	claims := josejwt.Claims{Expiry: times.Exp, NotBefore: times.Nbf, IssuedAt: times.Iat}
	return payload, claims.ValidateWithLeeway(josejwt.Expected{Time: at}, leeway)
}

// joseReadsMore reports a header with members that go-jose takes to be about
// keys or payloads, and refuses where it cannot read them. Postern ignores them.
func joseReadsMore(header map[string]any) bool {
	for _, name := range []string{"jwk", "x5c", "nonce", "b64"} {
		if _, ok := header[name]; ok {
			return true
		}
	}
	return false
}

// legal reports a token that Postern has no reason of its own to refuse. These
// are all of them:
//
//   - base64url that is not canonical, or a part that is not a JSON object
//     without duplicate members, invalid UTF-8 or more than 32 levels;
//   - over 16 KiB in all, or 256 bytes of kid;
//   - a header with crit, or whose kid or typ is no string;
//   - a kid that none of the public keys has;
//   - a time that is no number between 0 and 2^53.
func legal(token string, symmetric bool) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > tokenBytes {
		return false
	}
	var objects [2]map[string]any
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
			return false
		}
		if i == 2 {
			break
		}
		text := jsontext.Value(decoded)
		if !text.IsValid() || depth(text) > 32 {
			return false
		}
		if objects[i], err = decode(decoded); err != nil || objects[i] == nil {
			return false
		}
	}
	header, claims := objects[0], objects[1]
	if _, critical := header["crit"]; critical {
		return false
	}
	for _, name := range []string{"kid", "typ"} {
		value, present := header[name]
		text, isText := value.(string)
		if present && !isText || name == "kid" && (len(text) > 256 || !symmetric && text != "" && text != "k1") {
			return false
		}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, present := claims[name]
		if !present {
			continue
		}
		number, _ := value.(json.Number)
		if seconds, err := number.Float64(); err != nil || seconds < 0 || seconds > 1<<53 {
			return false
		}
	}
	return true
}

// decode reads JSON with the standard library.
func decode(text []byte) (object map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return object, d.Decode(&object)
}

// depth counts brackets that are open at once; text is valid JSON.
func depth(text jsontext.Value) (deepest int) {
	open := 0
	d := jsontext.NewDecoder(strings.NewReader(string(text)))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return deepest
		}
		switch token.Kind() {
		case '{', '[':
			open++
			deepest = max(deepest, open)
		case '}', ']':
			open--
		}
	}
}

// FuzzGoJose holds Postern's verdict against another implementation's: what
// verifies here verifies there with the same claims, and a legal token that
// verifies there verifies here. The token comes as the fuzzer writes it, and
// made of its header and claims with a signature that is right.
func FuzzGoJose(f *testing.F) {
	algorithms := []string{"HS256", "EdDSA", "ES256", "RS256", "PS256"}
	type verifier struct {
		own *authn.JWT
		key any // go-jose's
	}
	verifiers := map[string]verifier{}
	for i, algorithm := range algorithms {
		key := signingKey(algorithm)
		if signer, ok := key.(crypto.Signer); ok {
			key = signer.Public()
		}
		verifiers[algorithm] = verifier{newOracleVerifier(f, algorithm), key}
		header := `{"alg":` + strconv.Quote(algorithm) + `,"kid":"k1"}`
		f.Add(byte(i), header, claims, mint(f, algorithm, header, claims))
		f.Add(byte(i), header[:len(header)-1]+`,"typ":"JWT","cty":"JWT","zip":"DEF","jku":"https://a/"}`, `{"exp":1e7,"iat":1000029,"nbf":999999.5}`, "..")
		f.Add(byte(i), `{"alg":"`+algorithm+`","b64":true,"crit":["b64"]}`, `{"exp":999971,"sub":{"\u0061":[1,{}]}}`, "..")
		f.Add(byte(i), `{"alg":"`+algorithm+`","jwk":{},"x5c":[]}`, "\t{\"exp\":1000300 , \"x\":\"\\ud83d\\ude00\"}\n", "..")
	}
	for _, table := range []map[string]forgery{forgeries(f), oddParts(f)} {
		for _, forged := range table {
			parts := strings.SplitN(forged.token, ".", 3)
			if len(parts) < 3 || len(forged.token) > 1<<10 {
				continue
			}
			// What cannot be decoded is of interest only as it stands.
			header, _ := base64.RawURLEncoding.DecodeString(parts[0])
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			f.Add(byte(0), strings.ReplaceAll(string(header), "RS256", "HS256"), string(claims), forged.token)
			f.Add(byte(0), `{"alg":"HS256"}`, string(claims), sign(f, "HS256", signingKey("HS256"), parts[0]+"."+parts[1]))
		}
	}
	f.Fuzz(func(t *testing.T, choice byte, header, claims, raw string) {
		algorithm := algorithms[int(choice)%len(algorithms)]
		v := verifiers[algorithm]
		made := sign(t, algorithm, signingKey(algorithm), encode(header)+"."+encode(claims))
		for _, token := range []string{raw, made} {
			verified, _, err := v.own.Verify(t.Context(), authn.Credential{Value: token}, at)
			if err != nil {
				// Within the clock skew, whatever happens to fractions of seconds.
				if _, refused := joseVerify(token, algorithm, v.key, 29*time.Second); refused == nil && legal(token, algorithm == "HS256") {
					t.Errorf("%s verifies with go-jose and is legal, here: %v", token, err)
				}
				continue
			}
			payload, err := joseVerify(token, algorithm, v.key, 31*time.Second)
			if err != nil {
				header, _, _ := strings.Cut(token, ".")
				if !joseReadsMore(must(decode(must(base64.RawURLEncoding.DecodeString(header))))) {
					t.Errorf("%s verifies here, go-jose says %v", token, err)
				}
				continue
			}
			// Not go-cmp, which takes exponential time for nested lists.
			if want := must(decode(payload)); !reflect.DeepEqual(want, verified.Claims) {
				t.Errorf("%s: claims %v, go-jose's %v", token, verified.Claims, want)
			}
		}
	})
}
