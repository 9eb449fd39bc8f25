package authn_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"postern/authn"
	"postern/policy"
)

const (
	header = `{"alg":"RS256","kid":"rsa"}`
	claims = `{"exp":1000300,"sub":"ann"}`
)

// newVerifier returns an authenticator with a public key of each kind.
func newVerifier(t testing.TB) *authn.JWT {
	return newJWT(t, func(s *authn.JWTSettings) {
		s.Keys = publicKeys(t, map[string]crypto.Signer{"rsa": rsaKey(), "ec": p256(), "ed": ed25519Key()})
		s.Algorithms = []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"}
		s.CustomerID = reference(t, "claims.sub")
	})
}

// forgeries are tokens that somebody without the key, or with a parser that
// reads them differently, may send.
func forgeries(t testing.TB) map[string]forgery {
	var (
		rs256 = func(header, claims string) string { return mint(t, "RS256", header, claims) }
		// raw signs parts that are not encoded as they should be.
		raw       = func(header, claims string) string { return sign(t, "RS256", rsaKey(), header+"."+claims) }
		good      = rs256(header, claims)
		part      = strings.Split(good, ".")
		attackers = must(jose.JSONWebKey{Key: otherRSA().Public(), KeyID: "rsa"}.MarshalJSON())
		attacker  = func(header string) string {
			return sign(t, "RS256", otherRSA(), encode(header)+"."+encode(claims))
		}
		der      = must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
		pkcs1    = x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)
		pemText  = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		confused = func(key []byte) string {
			return sign(t, "HS256", key, encode(`{"alg":"HS256","kid":"rsa"}`)+"."+encode(claims))
		}
		es256   = encode(`{"alg":"ES256","kid":"ec"}`) + "." + encode(claims)
		ps256   = encode(`{"alg":"PS256","kid":"rsa"}`) + "." + encode(claims)
		digest  = func(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }
		derECDS = must(ecdsa.SignASN1(rand.Reader, p256(), digest(es256)))
		salted  = func(length int) string {
			options := &rsa.PSSOptions{SaltLength: length}
			return ps256 + "." + encode(string(must(rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest(ps256), options))))
		}
	)
	const (
		malformed  = policy.MalformedCredential
		algorithm  = policy.AlgorithmNotAllowed
		signature  = policy.BadSignature
		unknownKey = policy.UnknownKey
	)
	return map[string]forgery{
		"alg none":                   {encode(`{"alg":"none"}`) + "." + encode(claims) + ".", algorithm},
		"alg None":                   {encode(`{"alg":"None"}`) + "." + encode(claims) + ".", algorithm},
		"alg NONE, signed":           {rs256(`{"alg":"NONE","kid":"rsa"}`, claims), algorithm},
		"alg nOnE, signature kept":   {encode(`{"alg":"nOnE","kid":"rsa"}`) + "." + part[1] + "." + part[2], algorithm},
		"alg empty":                  {rs256(`{"alg":"","kid":"rsa"}`, claims), algorithm},
		"alg in another case":        {rs256(`{"alg":"rs256","kid":"rsa"}`, claims), algorithm},
		"alg with a space":           {rs256(`{"alg":"RS256 ","kid":"rsa"}`, claims), algorithm},
		"alg missing":                {rs256(`{"kid":"rsa"}`, claims), malformed},
		"alg is null":                {rs256(`{"alg":null,"kid":"rsa"}`, claims), malformed},
		"alg is a list":              {rs256(`{"alg":["RS256"],"kid":"rsa"}`, claims), malformed},
		"ALG beside no alg":          {rs256(`{"ALG":"RS256","kid":"rsa"}`, claims), malformed},
		"alg not on the list":        {mint(t, "RS512", `{"alg":"RS512","kid":"rsa"}`, claims), algorithm},
		"HS256 with the PEM":         {confused(pemText), algorithm},
		"HS256 with the trimmed PEM": {confused([]byte(strings.TrimSpace(string(pemText)))), algorithm},
		"HS256 with the DER":         {confused(der), algorithm},
		"HS256 with PKCS #1":         {confused(pkcs1), algorithm},
		"HS256 with nothing":         {confused(nil), algorithm},
		"EC alg on the RSA key":      {mint(t, "ES256", `{"alg":"ES256","kid":"rsa"}`, claims), algorithm},
		"RSA alg on the EC key":      {rs256(`{"alg":"RS256","kid":"ec"}`, claims), algorithm},
		"EdDSA on the EC key":        {mint(t, "EdDSA", `{"alg":"EdDSA","kid":"ec"}`, claims), algorithm},
		"ES384 on the P-256 key":     {mint(t, "ES384", `{"alg":"ES384","kid":"ec"}`, claims), algorithm},
		"RS256 sent as PS256":        {encode(`{"alg":"PS256","kid":"rsa"}`) + "." + part[1] + "." + part[2], signature},

		"crit":                 {rs256(`{"alg":"RS256","kid":"rsa","crit":["exp"],"exp":1}`, claims), malformed},
		"crit empty":           {rs256(`{"alg":"RS256","kid":"rsa","crit":[]}`, claims), malformed},
		"crit null":            {rs256(`{"alg":"RS256","kid":"rsa","crit":null}`, claims), malformed},
		"b64":                  {rs256(`{"alg":"RS256","kid":"rsa","b64":false,"crit":["b64"]}`, claims), malformed},
		"b64, as it says":      {raw(encode(`{"alg":"RS256","kid":"rsa","b64":false}`), claims), malformed},
		"jwk of the attacker":  {attacker(`{"alg":"RS256","kid":"rsa","jwk":` + string(attackers) + `}`), signature},
		"jku of the attacker":  {attacker(`{"alg":"RS256","kid":"rsa","jku":"https://attacker.example/jwks.json"}`), signature},
		"x5u of the attacker":  {attacker(`{"alg":"RS256","kid":"rsa","x5u":"https://attacker.example/cert.pem"}`), signature},
		"x5c of the attacker":  {attacker(`{"alg":"RS256","kid":"rsa","x5c":["` + base64.StdEncoding.EncodeToString(der) + `"]}`), signature},
		"jwk with another kid": {attacker(`{"alg":"RS256","kid":"mine","jwk":` + string(attackers) + `}`), unknownKey},
		"kid unknown":          {rs256(`{"alg":"RS256","kid":"other"}`, claims), unknownKey},
		"kid of another case":  {rs256(`{"alg":"RS256","kid":"RSA"}`, claims), unknownKey},
		"kid is a path":        {rs256(`{"alg":"RS256","kid":"../../dev/null"}`, claims), unknownKey},
		"kid of 256 bytes":     {rs256(`{"alg":"RS256","kid":"`+strings.Repeat("k", 256)+`"}`, claims), unknownKey},
		"kid of 257 bytes":     {rs256(`{"alg":"RS256","kid":"`+strings.Repeat("k", 257)+`"}`, claims), malformed},
		"kid is a number":      {rs256(`{"alg":"RS256","kid":7}`, claims), malformed},
		"kid is null":          {rs256(`{"alg":"RS256","kid":null}`, claims), malformed},

		"unused bits in the header":    {raw(loose(`{"alg":"RS256","kid":"rsa" }`), part[1]), malformed},
		"unused bits in the claims":    {raw(part[0], loose(`{"exp":1000300,"sub":"ann"  }`)), malformed},
		"unused bits in the signature": {part[0] + "." + part[1] + "." + loosen(part[2]), malformed},
		"padding of the header":        {raw(base64.URLEncoding.EncodeToString([]byte(header+" ")), part[1]), malformed},
		"padding of the claims":        {raw(part[0], base64.URLEncoding.EncodeToString([]byte(claims+" "))), malformed},
		"padding of the signature":     {good + "==", malformed},
		"the other base64":             {strings.NewReplacer("-", "+", "_", "/").Replace(mint(t, "RS256", header, `{"exp":1000300,"sub":"ann","x":"???>>>"}`)), malformed},
		"line break in the header":     {raw(part[0][:8]+"\n"+part[0][8:], part[1]), malformed},
		"line breaks in the claims":    {raw(part[0], part[1][:8]+"\r\n"+part[1][8:]), malformed},
		"line break at the end":        {good + "\n", malformed},
		"space before":                 {" " + good, malformed},
		"space in the claims":          {raw(part[0], part[1][:8]+" "+part[1][8:]), malformed},
		"tab at the end":               {good + "\t", malformed},
		"NUL at the end":               {good + "\x00", malformed},

		"JSON serialization":        {serialized(t), malformed},
		"JWE":                       {encrypted(t), malformed},
		"two parts":                 {part[0] + "." + part[1], malformed},
		"four parts":                {good + ".e30", malformed},
		"three empty parts":         {"..", malformed},
		"nothing":                   {"", malformed},
		"a megabyte of dots":        {strings.Repeat(".", 1<<20), malformed},
		"a megabyte of one part":    {strings.Repeat("A", 1<<20), malformed},
		"DER signature":             {es256 + "." + encode(string(derECDS)), signature},
		"signature of zeros":        {es256 + "." + encode(strings.Repeat("\x00", 64)), signature},
		"ES256 with a longer r":     {es256 + "." + encode(strings.Repeat("\x01", 66)), signature},
		"PSS with the longest salt": {salted(rsa.PSSSaltLengthAuto), signature},
		"PSS with a shorter salt":   {salted(20), signature},
		"PSS with a longer salt":    {salted(64), signature},
		"empty signature":           {part[0] + "." + part[1] + ".", signature},
		"signature cut short":       {part[0] + "." + part[1] + "." + encode(string(must(base64.RawURLEncoding.DecodeString(part[2]))[1:])), signature},
		"signature of another":      {part[0] + "." + part[1] + "." + strings.Split(rs256(header, `{"exp":1000300,"sub":"bob"}`), ".")[2], signature},
		"claims of another":         {part[0] + "." + encode(`{"exp":1000300,"sub":"bob"}`) + "." + part[2], signature},
		"header of another":         {encode(`{"alg":"RS256"}`) + "." + part[1] + "." + part[2], signature},

		"alg twice":                  {rs256(`{"alg":"RS256","alg":"RS256","kid":"rsa"}`, claims), malformed},
		"alg twice, none last":       {rs256(`{"alg":"RS256","kid":"rsa","alg":"none"}`, claims), malformed},
		"sub twice":                  {rs256(header, `{"exp":1000300,"sub":"ann","sub":"bob"}`), malformed},
		"sub twice, escaped":         {rs256(header, `{"exp":1000300,"sub":"ann","\u0073ub":"bob"}`), malformed},
		"a member twice, below":      {rs256(header, `{"exp":1000300,"sub":{"a":"x","a":"y"}}`), malformed},
		"deep claims":                {rs256(header, `{"exp":1000300,"sub":"ann","x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`), malformed},
		"deep header":                {rs256(`{"alg":"RS256","kid":"rsa","x":`+strings.Repeat(`{"a":`, 500)+`1`+strings.Repeat("}", 500)+`}`, claims), malformed},
		"header is a list":           {rs256(`["RS256"]`, claims), malformed},
		"claims are a list":          {rs256(header, `[`+claims+`]`), malformed},
		"claims are a string":        {rs256(header, `"ann"`), malformed},
		"claims are nothing":         {raw(part[0], ""), malformed},
		"claims and more":            {rs256(header, claims+`{}`), malformed},
		"header and more":            {rs256(header+`x`, claims), malformed},
		"claims begin with BOM":      {rs256(header, "\ufeff"+claims), malformed},
		"claims are not UTF-8":       {rs256(header, "{\"exp\":1000300,\"sub\":\"\xff\"}"), malformed},
		"half a surrogate in claims": {rs256(header, `{"exp":1000300,"sub":"\ud800"}`), malformed},
	}
}

type forgery struct {
	token string
	want  policy.Reason
}

// loose encodes text so that the last character has unused bits that are set.
func loose(text string) string { return loosen(encode(text)) }

func loosen(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(encoded)%4 == 0 {
		panic("there are no unused bits")
	}
	last := strings.IndexByte(alphabet, encoded[len(encoded)-1])
	return encoded[:len(encoded)-1] + alphabet[last+1:last+2]
}

func serialized(t testing.TB) string {
	t.Helper()
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rsaKey(), KeyID: "rsa"}}, nil))
	return must(signer.Sign([]byte(claims))).FullSerialize()
}

func encrypted(t testing.TB) string {
	t.Helper()
	encrypter := must(jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: &rsaKey().PublicKey}, nil))
	return must(must(encrypter.Encrypt([]byte(claims))).CompactSerialize())
}

func TestForgeries(t *testing.T) {
	verifier := newVerifier(t)
	for name, test := range forgeries(t) {
		if _, got := verify(t, verifier, test.token); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	// The same must verify without a forgery, or the table shows nothing.
	for algorithm, kid := range map[string]string{"RS256": "rsa", "PS256": "rsa", "ES256": "ec", "EdDSA": "ed"} {
		token := mint(t, algorithm, `{"alg":"`+algorithm+`","kid":"`+kid+`"}`, claims)
		if v, reason := verify(t, verifier, token); reason != policy.ReasonNone || v.Customer != "ann" {
			t.Errorf("%s: %v", algorithm, reason)
		}
	}
}

func TestForgeriesOfASharedSecret(t *testing.T) {
	j := newJWT(t, nil)
	for name, test := range map[string]forgery{
		"RS256":            {mint(t, "RS256", `{"alg":"RS256","kid":"k1"}`, claims), policy.AlgorithmNotAllowed},
		"HS512":            {mint(t, "HS512", `{"alg":"HS512","kid":"k1"}`, claims), policy.AlgorithmNotAllowed},
		"HS512 as HS256":   {mint(t, "HS512", `{"alg":"HS256","kid":"k1"}`, claims), policy.BadSignature},
		"the empty secret": {sign(t, "HS256", []byte{}, encode(`{"alg":"HS256"}`)+"."+encode(claims)), policy.BadSignature},
		"the kid":          {sign(t, "HS256", []byte("k1"), encode(`{"alg":"HS256","kid":"k1"}`)+"."+encode(claims)), policy.BadSignature},
		"any kid":          {mint(t, "HS256", `{"alg":"HS256","kid":"unknown"}`, claims), policy.ReasonNone},
		"SUB beside sub":   {hs256(t, `{"exp":1000300,"SUB":"bob","sub":"ann","Exp":1}`), policy.ReasonNone},
	} {
		v, got := verify(t, j, test.token)
		if got != test.want || v != nil && v.Claims["sub"] != "ann" {
			t.Errorf("%s: %v, want %v, identity %v", name, got, test.want, v)
		}
	}
}

func TestTokenLength(t *testing.T) {
	fill := func(n int) string { return `{"exp":1000300,"x":"` + strings.Repeat("x", n) + `"}` }
	n := 0
	for len(hs256(t, fill(n))) < tokenBytes {
		n++
	}
	j := newJWT(t, nil)
	for token, want := range map[string]policy.Reason{hs256(t, fill(n)): policy.ReasonNone, hs256(t, fill(n+1)): policy.MalformedCredential} {
		if _, got := verify(t, j, token); got != want {
			t.Errorf("%d bytes: %v, want %v", len(token), got, want)
		}
	}
}
