package keys_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"testing"
	"time"

	"postern/keys"
	"postern/policy"
)

// The digests are test case 2 of RFC 2202, section 3, and RFC 4231, section 4.3.
func TestVerifyMAC(t *testing.T) {
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	set := func(edit func(jefe *keys.SecretSettings)) *keys.Static {
		jefe := keys.SecretSettings{ID: "jefe", Value: keys.Value{Literal: "Jefe"}}
		if edit != nil {
			edit(&jefe)
		}
		s := keys.Settings{Secrets: []keys.SecretSettings{{ID: "first", Value: keys.Value{Literal: "first"}}, jefe}}
		var problems policy.Problems
		loaded := s.Load(nil, keys.Loader{}, true, &problems)
		if problems.List != nil {
			t.Fatal(problems.List)
		}
		return loaded
	}
	const (
		ofSHA1   = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
		ofSHA256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
		ofSHA512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
	)
	whole := [][]byte{[]byte("what do ya want for nothing?")}
	for name, test := range map[string]struct {
		set     *keys.Static
		hash    func() hash.Hash
		message [][]byte
		mac     string
		want    string // the secret's id, "" for none
	}{
		"SHA-1":          {set(nil), sha1.New, whole, ofSHA1, "jefe"},
		"SHA-256":        {set(nil), sha256.New, whole, ofSHA256, "jefe"},
		"SHA-512":        {set(nil), sha512.New, whole, ofSHA512, "jefe"},
		"in parts":       {set(nil), sha256.New, [][]byte{[]byte("what do ya "), nil, []byte("want for nothing?")}, ofSHA256, "jefe"},
		"another text":   {set(nil), sha256.New, [][]byte{[]byte("what do ya want for nothing!")}, ofSHA256, ""},
		"another hash":   {set(nil), sha1.New, whole, ofSHA256, ""},
		"last bit":       {set(nil), sha256.New, whole, ofSHA256[:63] + "2", ""},
		"cut short":      {set(nil), sha256.New, whole, ofSHA256[:62], ""},
		"empty":          {set(nil), sha256.New, whole, "", ""},
		"ended":          {set(func(s *keys.SecretSettings) { s.NotAfter = at }), sha256.New, whole, ofSHA256, ""},
		"about to end":   {set(func(s *keys.SecretSettings) { s.NotAfter = at.Add(1) }), sha256.New, whole, ofSHA256, "jefe"},
		"not begun":      {set(func(s *keys.SecretSettings) { s.NotBefore = at.Add(1) }), sha256.New, whole, ofSHA256, ""},
		"another secret": {set(func(s *keys.SecretSettings) { s.Value.Literal = "jefe" }), sha256.New, whole, ofSHA256, ""},
	} {
		mac := must(hex.DecodeString(test.mac))
		key, err := test.set.VerifyMAC(test.hash, test.message, mac, at)
		switch {
		case test.want == "" && policy.ReasonOf(err) != policy.BadSignature:
			t.Errorf("%s: got %v, %v", name, key, err)
		case test.want != "" && (err != nil || key.ID != test.want):
			t.Errorf("%s: got %v, %v", name, key, err)
		}
	}
}
