package anatomy_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"postern/cmd/postern/anatomy"
)

var now = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC) // 1793534400

// token encodes a header, claims and a signature of so many bytes.
func token(header, claims string, signature int) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte(strings.Repeat("s", signature)))
}

const (
	goodHeader = `{"alg":"HS256"}`
	goodClaims = `{"exp":1793534700}`
)

func TestDissect(t *testing.T) {
	good := token(`{"alg":"HS256","kid":"2026"}`, `{"sub":{"registered":"ada"},"aud":["a","b"],"iat":1793534390,"nbf":1793534390.5,"exp":1793541600}`, 32)
	want := &anatomy.Anatomy{
		Header:         "{\n  \"alg\": \"HS256\",\n  \"kid\": \"2026\"\n}",
		Claims:         "{\n  \"sub\": {\n    \"registered\": \"ada\"\n  },\n  \"aud\": [\n    \"a\",\n    \"b\"\n  ],\n  \"iat\": 1793534390,\n  \"nbf\": 1793534390.5,\n  \"exp\": 1793541600\n}",
		SignatureBytes: 32,
		Times: []anatomy.Moment{
			{Name: "iat", At: time.Unix(1793534390, 0), Relative: "10s ago"},
			{Name: "nbf", At: time.Unix(1793534390, 0), Relative: "10s ago"},
			{Name: "exp", At: time.Unix(1793541600, 0), Relative: "in 2h"},
		},
	}
	if diff := cmp.Diff(want, anatomy.Dissect(good, now), cmpopts.IgnoreUnexported(anatomy.Anatomy{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	good := token(goodHeader, goodClaims, 32)
	for name, c := range map[string]struct {
		token string
		want  []string
	}{
		"good":         {good, nil},
		"opaque":       {"opaque", []string{"it is no JWT: it has 1 parts between dots, and not 3; an opaque token says nothing by itself"}},
		"encrypted":    {"eyJhbGciOiJIUzI1NiJ9.a.b.c.d", []string{"it is encrypted (a JWE, RFC 7516), and only signed tokens are taken"}},
		"in quotes":    {`"` + good + `"`, []string{"it stands in quotes, which are not part of a token"}},
		"with scheme":  {"Bearer  " + good, []string{"it begins with a word and a space: the scheme stands in the header before the token, and is not part of it"}},
		"broken lines": {good[:30] + "\n  " + good[30:], []string{"it holds white space or a line break, as where a token is copied from a narrow window"}},

		"padded": {strings.Replace(token(`{"alg":"HS256"} `, goodClaims, 32), ".", "==.", 1), []string{"the header is padded with =, which base64url in a JWT is not"}},
		"other alphabet": {"eyJhbGciOiJIUzI1NiIsImtpZCI6Ij8/Pz4+In0." + strings.SplitN(good, ".", 2)[1],
			[]string{"the header is in the alphabet of base64 and not of base64url: + and / stand for - and _"}},
		"no base64":    {"%%." + strings.SplitN(good, ".", 2)[1], []string{"the header is not base64url"}},
		"unused bits":  {good[:len(good)-1] + "d", []string{"the signature ends in bits that stand for nothing, so that two spellings mean the same"}},
		"no JSON":      {token("{", goodClaims, 32), []string{"the header is not JSON: unexpected EOF at byte 1"}},
		"no object":    {token(goodHeader, "[1]", 32), []string{"the payload is no JSON object"}},
		"null":         {token("null", goodClaims, 32), []string{"the header is no JSON object"}},
		"twice":        {token(goodHeader, `{"exp":1793534700,"sub":"ada","sub":"bob"}`, 32), []string{`the payload has a member twice, "/sub": some readers take the first, some the last`}},
		"trailing":     {token(goodHeader, goodClaims+"{}", 32), []string{"the payload is not JSON: invalid character '{' after top-level value at byte 18"}},
		"byte order":   {token("\xef\xbb\xbf"+goodHeader, goodClaims, 32), []string{"the header begins with a byte order mark"}},
		"no UTF-8":     {token(goodHeader, "{\"exp\":1793534700,\"n\":\"\xff\"}", 32), []string{"the payload is not JSON: invalid UTF-8 at byte 23"}},
		"no algorithm": {token(`{}`, goodClaims, 32), []string{"the header names no algorithm (alg)"}},

		"alg none":           {token(`{"alg":"nOnE"}`, goodClaims, 0), []string{"alg is none: it is not signed, and anybody can have changed it", "it has no signature"}},
		"unknown algorithm":  {token(`{"alg":"ES256K"}`, goodClaims, 64), []string{`alg is "ES256K", which is none of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`}},
		"critical":           {token(`{"alg":"HS256","crit":["b64"]}`, goodClaims, 32), []string{"crit asks for extensions that must be understood (RFC 7515, section 4.1.11), and none is"}},
		"own key":            {token(`{"alg":"HS256","jku":"https://evil.example"}`, goodClaims, 32), []string{"jku says which key verifies it: that is ignored, since whoever forges a token can name a key of theirs"}},
		"numeric kid":        {token(`{"alg":"HS256","kid":1,"typ":2}`, goodClaims, 32), []string{"kid is no text", "typ is no text"}},
		"long kid":           {token(`{"alg":"HS256","kid":"`+strings.Repeat("k", 257)+`"}`, goodClaims, 32), []string{"kid is longer than 256 bytes"}},
		"short signature":    {token(goodHeader, goodClaims, 31), []string{"the signature has 31 bytes, and HS256 wants 32"}},
		"ASN.1":              {token(`{"alg":"ES256"}`, goodClaims, 0) + base64.RawURLEncoding.EncodeToString(append([]byte{0x30, 69}, make([]byte, 69)...)), []string{"the signature is in ASN.1, as openssl writes it: ES256 wants r and s, of 64 bytes in all"}},
		"short RSA":          {token(`{"alg":"PS256"}`, goodClaims, 128), []string{"the signature has 128 bytes: it is cut short, or of a key of fewer than 2048 bits"}},
		"good RSA":           {token(`{"alg":"RS256"}`, goodClaims, 512), nil},
		"ended":              {token(goodHeader, `{"exp":1793534220}`, 32), []string{"exp 3m ago: it has ended"}},
		"ends now":           {token(goodHeader, `{"exp":1793534400}`, 32), []string{"exp now: it has ended"}},
		"not yet":            {token(goodHeader, `{"nbf":1793534460,"exp":1793534700}`, 32), []string{"nbf in 1m: it is not valid yet"}},
		"from the future":    {token(goodHeader, `{"iat":1793534410,"exp":1793534700}`, 32), []string{"iat in 10s: it was issued in the future, or a clock is wrong"}},
		"never valid":        {token(goodHeader, `{"iat":1793534400,"exp":1793534400}`, 32), []string{"exp now: it has ended", "exp is not after iat: it was never valid"}},
		"without an end":     {token(goodHeader, `{}`, 32), []string{"it has no exp: it never ends, and require_exp refuses it"}},
		"milliseconds":       {token(goodHeader, `{"exp":1793534700000}`, 32), []string{"exp is in milliseconds, it seems: it wants seconds since 1970"}},
		"a time as text":     {token(goodHeader, `{"exp":"1793534700"}`, 32), []string{"exp is no number: it wants seconds since 1970"}},
		"a time before 1970": {token(goodHeader, `{"exp":-1}`, 32), []string{"exp is out of range"}},
		"long ago":           {token(goodHeader, `{"exp":1761998400}`, 32), []string{"exp 365 days ago: it has ended"}},
		"counted":            {token(goodHeader, `{"exp":1793534700,"sub":42,"jti":-7}`, 32), nil},
		"fractions":          {token(goodHeader, `{"exp":1793534700,"sub":4.2,"jti":1e3}`, 32), []string{"sub is no text", "jti is no text"}},
		"claims of no type":  {token(goodHeader, `{"exp":1793534700,"iss":1,"sub":"","jti":{},"aud":[1]}`, 32), []string{"iss is no text", "sub is empty", "jti is no text", "aud is neither a text nor a list of texts"}},
	} {
		if diff := cmp.Diff(c.want, anatomy.Dissect(c.token, now).Problems); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

// Whoever looks at the token of an attacker must not run what it holds.
func TestNothingSteersTheTerminal(t *testing.T) {
	a := anatomy.Dissect(token(goodHeader, "{\"exp\":1793534700,\"n\":\"\u009b31m\u202e\",\"\u009b\":1,\"\u009b\":2}", 32), now)
	for _, text := range append(a.Problems, a.Header, a.Claims) {
		if strings.ContainsAny(text, "\u009b\u202e\x1b") {
			t.Errorf("%q", text)
		}
	}
}

func FuzzDissect(f *testing.F) {
	f.Add(token(goodHeader, goodClaims, 32))
	f.Add("Bearer a.b.c")
	f.Add(`"{}.[].{`)
	f.Fuzz(func(t *testing.T, text string) {
		a := anatomy.Dissect(text, now)
		for _, shown := range append(a.Problems, a.Header, a.Claims) {
			if strings.ContainsAny(shown, "\x1b\u009b\r\b") {
				t.Errorf("%q", shown)
			}
		}
	})
}
