package authn_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// webhook is a request with texts by reference.
type webhook struct {
	body  string
	texts map[string][]string
	// fault is what reading the body ends with.
	fault error
}

// Texts implements authn.Request.
func (w webhook) Texts(ref policy.Reference) ([]string, error) { return w.texts[ref.String()], nil }

// RawBody implements authn.Request.
func (w webhook) RawBody() ([]byte, error) { return []byte(w.body), w.fault }

const channelSecret = "0123456789abcdef0123456789abcdef"

func channelSecrets(values ...string) (list []keys.SecretSettings) {
	for i, value := range values {
		list = append(list, keys.SecretSettings{ID: "s" + string(rune('1'+i)), Value: keys.Value{Literal: policy.Secret(value)}})
	}
	return list
}

// newSignature makes the authenticator hook, with channelSecret unless edit says
// otherwise.
func newSignature(t testing.TB, edit func(s *authn.SignatureSettings)) *authn.Signature {
	t.Helper()
	s := new(authn.SignatureSettings)
	s.SetDefaults()
	s.Header, s.Secrets = "X-Signature", channelSecrets(channelSecret)
	if edit != nil {
		edit(s)
	}
	var problems policy.Problems
	s.Check(nil, &problems)
	set := s.Load(nil, keys.Loader{}, &problems)
	if problems.List != nil {
		t.Fatalf("settings at fault: %v", problems.List)
	}
	return authn.NewSignature("hook", s, set)
}

func message(t testing.TB, text string) authn.Message {
	t.Helper()
	m, err := authn.ParseMessage(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hmacHex signs with channelSecret.
func hmacHex(text string) string { return hmacOf(channelSecret, text) }

func hmacOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// metaBody is as Meta sends it: what is not ASCII stands escaped, and is signed
// like that. Its digests were made with openssl dgst.
const (
	metaBody   = `{"object":"page","entry":[{"messaging":[{"sender":{"id":"4711"},"message":{"text":"Gr\u00fc\u00df dich, \u00e4"}}]}]}`
	metaSHA256 = "9924e0c35f76e430d533b77f8625c1ce90c237073082ec7f0e901fb3651e8447"
	metaSHA1   = "7f6a672649ac18ed4d9cf02e88790a78aaa42948"
	metaSHA512 = "59867fbdb86667f4de95bdcf90bb7b07bea4c44c6cde51fffe1d82c5c6e7631fb983b574b2e44d66645e7854eb1958e540887d1c61f5692ae003c68123cd2f6f"
	metaBase64 = "mSTgw1925DDVM7d/hiXBzpDCNwcwgux/DpAfs2UehEc="
)

func TestSignatureOfTheBody(t *testing.T) {
	meta := func(s *authn.SignatureSettings) { s.Prefix = "sha256=" }
	hash := func(name string) func(s *authn.SignatureSettings) {
		return func(s *authn.SignatureSettings) { s.Hash = name }
	}
	line := func(s *authn.SignatureSettings) { s.Encoding = "base64" }
	for name, test := range map[string]struct {
		edit      func(s *authn.SignatureSettings)
		signature string
		body      string
		want      policy.Reason
	}{
		"Meta":                    {meta, "sha256=" + metaSHA256, metaBody, policy.ReasonNone},
		"upper case":              {meta, "sha256=" + strings.ToUpper(metaSHA256), metaBody, policy.ReasonNone},
		"Meta of old":             {hash("sha1"), metaSHA1, metaBody, policy.ReasonNone},
		"Viber":                   {nil, metaSHA256, metaBody, policy.ReasonNone},
		"SHA-512":                 {hash("sha512"), metaSHA512, metaBody, policy.ReasonNone},
		"LINE":                    {line, metaBase64, metaBody, policy.ReasonNone},
		"empty body":              {nil, hmacHex(""), "", policy.ReasonNone},
		"re-serialised body":      {meta, "sha256=" + metaSHA256, strings.ReplaceAll(metaBody, `\u00e4`, "ä"), policy.BadSignature},
		"white space in the body": {meta, "sha256=" + metaSHA256, metaBody + "\n", policy.BadSignature},
		"changed body":            {nil, metaSHA256, strings.ReplaceAll(metaBody, "4711", "4712"), policy.BadSignature},
		"body taken away":         {nil, metaSHA256, "", policy.BadSignature},
		"changed signature":       {nil, "8" + metaSHA256[1:], metaBody, policy.BadSignature},
		"of another hash":         {nil, metaSHA1, metaBody, policy.BadSignature},
		"cut short":               {nil, metaSHA256[:2], metaBody, policy.BadSignature},
		"no prefix":               {meta, metaSHA256, metaBody, policy.MalformedCredential},
		"another prefix":          {meta, "sha1=" + metaSHA256, metaBody, policy.MalformedCredential},
		"prefix in capitals":      {meta, "SHA256=" + metaSHA256, metaBody, policy.MalformedCredential},
		"prefix alone":            {meta, "sha256=", metaBody, policy.BadSignature},
		"prefix not asked for":    {nil, "sha256=" + metaSHA256, metaBody, policy.MalformedCredential},
		"odd hex":                 {nil, metaSHA256[1:], metaBody, policy.MalformedCredential},
		"no hex":                  {nil, "g" + metaSHA256[1:], metaBody, policy.MalformedCredential},
		"base64 for hex":          {nil, metaBase64, metaBody, policy.MalformedCredential},
		"no base64":               {line, metaBase64 + "!", metaBody, policy.MalformedCredential},
		"base64 without padding":  {line, strings.TrimRight(metaBase64, "="), metaBody, policy.MalformedCredential},
		"loose bits in base64":    {line, strings.Replace(metaBase64, "c=", "d=", 1), metaBody, policy.MalformedCredential},
		"hex for base64":          {line, metaSHA256, metaBody, policy.BadSignature},
	} {
		_, use, err := newSignature(t, test.edit).Verify(t.Context(), authn.Credential{Value: test.signature, Request: webhook{body: test.body}}, at)
		if got := policy.ReasonOf(err); got != test.want || use != authn.NoCache {
			t.Errorf("%s: %v, cache %v, want %v", name, err, use, test.want)
		}
	}
}

func TestSignatureIdentity(t *testing.T) {
	ended, next := channelSecrets("the secret before this one, now over")[0], channelSecrets(channelSecret)[0]
	ended.ID, ended.NotAfter = "2025", at
	next.ID, next.Attributes = "2026", map[string]string{"channel": "web"}
	for name, test := range map[string]struct {
		customer string
		texts    []string
		want     *policy.Identity
		reason   policy.Reason
	}{
		"application": {"", nil, &policy.Identity{Level: policy.Application}, policy.ReasonNone},
		"customer":    {"body.user_id", []string{"ann"}, &policy.Identity{Level: policy.Customer, Customer: "ann"}, policy.ReasonNone},
		"missing":     {"body.user_id", nil, nil, policy.MalformedCredential},
		"empty":       {"body.user_id", []string{""}, nil, policy.MalformedCredential},
		"twice":       {"body.user_id", []string{"ann", "ann"}, nil, policy.MalformedCredential},
	} {
		a := newSignature(t, func(s *authn.SignatureSettings) {
			if s.Secrets = []keys.SecretSettings{ended, next}; test.customer != "" {
				s.CustomerID = reference(t, test.customer)
			}
		})
		v, _, err := a.Verify(t.Context(), authn.Credential{
			Value: hmacHex("a body"), Request: webhook{body: "a body", texts: map[string][]string{"body.user_id": test.texts}},
		}, at)
		if policy.ReasonOf(err) != test.reason || (v == nil) != (test.want == nil) {
			t.Errorf("%s: %v, %v", name, v, err)
			continue
		}
		if v == nil {
			continue
		}
		test.want.Authenticator, test.want.CredentialID, test.want.Attributes = "hook", "2026", next.Attributes
		if diff := cmp.Diff(*test.want, v.Identity); diff != "" || v.SecretID != "2026" {
			t.Errorf("%s: by the secret %q: %s", name, v.SecretID, diff)
		}
	}
}

// While a secret is rotated, both are good, until the older one ends; an
// identity stands only as long as its secret.
func TestSignatureRotation(t *testing.T) {
	a := newSignature(t, func(s *authn.SignatureSettings) {
		s.Secrets = channelSecrets("another secret, of more than 32 bytes", channelSecret)
		s.Secrets[1].NotAfter = at.Add(time.Hour)
	})
	credential := authn.Credential{Value: metaSHA256, Request: webhook{body: metaBody}}
	v, _, err := a.Verify(t.Context(), credential, at.Add(time.Hour-1))
	if err != nil || v.SecretID != "s2" {
		t.Fatalf("%v, %v", v, err)
	}
	if err := v.Standing(at.Add(time.Hour - 1)); err != nil {
		t.Errorf("before the end of the secret: %v", err)
	}
	if _, _, err := a.Verify(t.Context(), credential, at.Add(time.Hour)); policy.ReasonOf(err) != policy.BadSignature {
		t.Errorf("at the end of the secret: %v", err)
	}
	if err := v.Standing(at.Add(time.Hour)); policy.ReasonOf(err) != policy.BadSignature {
		t.Errorf("at the end of the secret: %v", err)
	}
	none := newSignature(t, func(s *authn.SignatureSettings) { s.Secrets = []keys.SecretSettings{} })
	if _, _, err := none.Verify(t.Context(), credential, at); policy.ReasonOf(err) != policy.BadSignature {
		t.Errorf("an empty list of secrets: %v", err)
	}
}

// The sample of Slack's own documentation.
func TestSignatureOfSlack(t *testing.T) {
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
		"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands" +
		"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	const signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	const stamp = "header.X-Slack-Request-Timestamp"
	sent := time.Unix(1531420618, 0)
	slack := newSignature(t, func(s *authn.SignatureSettings) {
		s.Header, s.Prefix = "X-Slack-Signature", "v0="
		s.Message, s.Timestamp = message(t, "v0:{"+stamp+"}:{body}"), reference(t, stamp)
		s.Secrets = channelSecrets("8f742231b10e8888abcd99yyyzzz85a5")
	})
	for name, test := range map[string]struct {
		stamps []string
		body   string
		moment time.Time
		want   policy.Reason
	}{
		"at once":                  {[]string{"1531420618"}, body, sent, policy.ReasonNone},
		"after five minutes":       {[]string{"1531420618"}, body, sent.Add(5 * time.Minute), policy.ReasonNone},
		"replayed":                 {[]string{"1531420618"}, body, sent.Add(5*time.Minute + 1), policy.TokenTooOld},
		"five minutes ahead":       {[]string{"1531420618"}, body, sent.Add(-5 * time.Minute), policy.ReasonNone},
		"further ahead":            {[]string{"1531420618"}, body, sent.Add(-5*time.Minute - 1), policy.IssuedInFuture},
		"another time":             {[]string{"1531420619"}, body, sent, policy.BadSignature},
		"replayed, made young":     {[]string{"1531430000"}, body, time.Unix(1531430000, 0), policy.BadSignature},
		"no time":                  {nil, body, sent, policy.MalformedCredential},
		"two times":                {[]string{"1531420618", "1531420618"}, body, sent, policy.MalformedCredential},
		"body moved into the time": {[]string{"1531420618:token=xyzz0WbapA4vBCDEFasx0q6G"}, body, sent, policy.MalformedCredential},
		"another body":             {[]string{"1531420618"}, strings.Replace(body, "U2CERLKJA", "U2CERLKJB", 1), sent, policy.BadSignature},
	} {
		_, _, err := slack.Verify(t.Context(), authn.Credential{
			Value: signature, Request: webhook{body: test.body, texts: map[string][]string{stamp: test.stamps}},
		}, test.moment)
		if got := policy.ReasonOf(err); got != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestSignatureTimestamp(t *testing.T) {
	a := newSignature(t, func(s *authn.SignatureSettings) {
		s.Message, s.Timestamp, s.Tolerance = message(t, "{header.X-Ts}:{path.hook}"), reference(t, "header.X-Ts"), duration(10*time.Second)
	})
	for stamp, want := range map[string]policy.Reason{
		"1000000": policy.ReasonNone, "999990": policy.ReasonNone, "1000010": policy.ReasonNone,
		"999989": policy.TokenTooOld, "1000011": policy.IssuedInFuture,
		"0": policy.TokenTooOld, "1000000000": policy.IssuedInFuture, // milliseconds
		"-1000000": policy.MalformedCredential, "+1000000": policy.MalformedCredential, "1e6": policy.MalformedCredential,
		"1000000.0": policy.MalformedCredential, "1_000_000": policy.MalformedCredential, " 1000000": policy.MalformedCredential,
		"0xf4240": policy.MalformedCredential, "now": policy.MalformedCredential,
		"4611686018427387903": policy.IssuedInFuture, "9223372036854775807": policy.MalformedCredential,
		"18446744073710551616": policy.MalformedCredential, // 2^64 + now
	} {
		_, _, err := a.Verify(t.Context(), authn.Credential{
			Value: hmacHex(stamp + ":chat"), Request: webhook{texts: map[string][]string{"header.X-Ts": {stamp}, "path.hook": {"chat"}}},
		}, at)
		if got := policy.ReasonOf(err); got != want {
			t.Errorf("%q: %v, want %v", stamp, err, want)
		}
	}
}

// One signature must not be good for two requests whose parts only join to the
// same text.
func TestSignatureBoundaries(t *testing.T) {
	type texts = map[string][]string
	for name, test := range map[string]struct {
		message string
		texts   texts
		signed  string
		want    policy.Reason
	}{
		"user_hash":               {"{body.a}", texts{"body.a": {"ann"}}, "ann", policy.ReasonNone},
		"last may hold anything":  {"{body.a}:{body.b}", texts{"body.a": {"ann"}, "body.b": {"b:c"}}, "ann:b:c", policy.ReasonNone},
		"first may not":           {"{body.a}:{body.b}", texts{"body.a": {"ann:b"}, "body.b": {"c"}}, "ann:b:c", policy.MalformedCredential},
		"overlap with literal":    {"{body.a}::{body.b}", texts{"body.a": {"ann:"}, "body.b": {"c"}}, "ann:::c", policy.MalformedCredential},
		"behind the body":         {"{body}:{body.b}", texts{"body.b": {"bob"}}, "raw:body:bob", policy.ReasonNone},
		"behind the body, not":    {"{body}:{body.b}", texts{"body.b": {"body:bob"}}, "raw:body:body:bob", policy.MalformedCredential},
		"before and behind":       {"{body.a}:{body}:{body.b}!", texts{"body.a": {"ann"}, "body.b": {"bob!"}}, "ann:raw:body:bob!!", policy.ReasonNone},
		"overlap behind the body": {"{body}::{body.b}", texts{"body.b": {":bob"}}, "raw:body:::bob", policy.MalformedCredential},
		"missing":                 {"{body.a}:{body.b}", texts{"body.a": {"ann"}}, "ann:", policy.MalformedCredential},
		"empty":                   {"{body.a}:{body.b}", texts{"body.a": {""}, "body.b": {"c"}}, ":c", policy.MalformedCredential},
		"twice":                   {"{body.a}", texts{"body.a": {"ann", "bob"}}, "ann", policy.MalformedCredential},
	} {
		a := newSignature(t, func(s *authn.SignatureSettings) { s.Message = message(t, test.message) })
		_, _, err := a.Verify(t.Context(), authn.Credential{Value: hmacHex(test.signed), Request: webhook{body: "raw:body", texts: test.texts}}, at)
		if got := policy.ReasonOf(err); got != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestSignatureWithoutABody(t *testing.T) {
	_, _, err := newSignature(t, nil).Verify(t.Context(), authn.Credential{
		Value: metaSHA256, Request: webhook{fault: policy.Deny(policy.BodyTooLarge, "")},
	}, at)
	if policy.ReasonOf(err) != policy.BodyTooLarge {
		t.Errorf("got %v", err)
	}
}
