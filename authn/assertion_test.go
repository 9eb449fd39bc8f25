package authn_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

func newAsserter(t testing.TB) *authn.Asserter {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	der := must(x509.MarshalPKCS8PrivateKey(p256()))
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := new(authn.AssertionSettings)
	s.SetDefaults()
	s.Issuer, s.Keys = "postern", []keys.SigningKeySettings{{ID: "k1", File: file}}
	var problems policy.Problems
	s.Check(nil, &problems)
	a := s.Load(nil, keys.Loader{}, &problems)
	if problems.List != nil {
		t.Fatalf("%v", problems.List)
	}
	return a
}

// asserted returns the claims of an assertion, with numbers as they are written.
func asserted(t testing.TB, assertion []string) map[string]any {
	t.Helper()
	if len(assertion) != 1 {
		t.Fatalf("%d values", len(assertion))
	}
	payload := must(base64.RawURLEncoding.DecodeString(strings.Split(assertion[0], ".")[1]))
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	claims := map[string]any{}
	if err := d.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// An assertion ends after its ttl, and never after its credential or the secret of it; that one may
// end a little later than it says, and so may then the assertion.
func TestAssertionEnds(t *testing.T) {
	a := newAsserter(t)
	token := func(s *authn.StaticTokenSettings) *authn.Verified {
		s.ID, s.Value = "t", keys.Value{Literal: "a-token"}
		var problems policy.Problems
		app := authn.NewToken("app", &authn.TokenSettings{Tokens: []authn.StaticTokenSettings{*s}}, keys.Loader{}, nil, &problems)
		v, _, err := app.Verify(t.Context(), authn.Credential{Value: "a-token"}, at)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	customer := func(claims string, edit func(*authn.JWTSettings)) *authn.Verified {
		v, reason := verify(t, newJWT(t, edit), hs256(t, claims))
		if reason != policy.ReasonNone {
			t.Fatal(reason)
		}
		return v
	}
	group := must(authn.Merge(token(&authn.StaticTokenSettings{NotAfter: at.Add(5 * time.Second)}), customer(`{"exp":1000300}`, nil), "group"))
	aged := func(s *authn.JWTSettings) { s.MaxAge = duration(10 * time.Second) }
	rotated := func(s *authn.JWTSettings) { s.Keys.Secrets[0].NotAfter = at.Add(10 * time.Second) }
	ofRotated := must(authn.Merge(token(&authn.StaticTokenSettings{}), customer(`{"exp":1000300}`, rotated), "group"))
	for name, test := range map[string]struct {
		v    *authn.Verified
		want int64 // seconds after at
	}{
		"anonymous":               {authn.NewAnonymous(), 60},
		"a token without end":     {token(&authn.StaticTokenSettings{}), 60},
		"a token's end":           {token(&authn.StaticTokenSettings{NotAfter: at.Add(20 * time.Second)}), 20},
		"a token that lasts":      {token(&authn.StaticTokenSettings{NotAfter: at.Add(time.Hour)}), 60},
		"exp":                     {customer(`{"exp":1000020}`, nil), 20},
		"exp within the next ttl": {customer(`{"exp":1000059}`, nil), 59},
		"exp that has passed":     {customer(`{"exp":999990}`, nil), 20}, // the skew is 30 s
		"exp at this moment":      {customer(`{"exp":1000000}`, nil), 30},
		"the age of its iat":      {customer(`{"exp":1000300,"iat":1000000}`, aged), 40}, // with the skew
		"the member of a group":   {group, 5},
		"the end of its secret":   {customer(`{"exp":1000300}`, rotated), 10},
		"a secret that lasts":     {customer(`{"exp":1000005}`, rotated), 5},
		"a secret in a group":     {ofRotated, 10},
	} {
		claims := asserted(t, test.v.Assertion(a, "data", at))
		got := []any{claims["iat"], claims["exp"]}
		if want := []any{json.Number("1000000"), json.Number(fmt.Sprint(now + test.want))}; !cmp.Equal(want, got) {
			t.Errorf("%s: from %v to %v, want %v", name, got[0], got[1], want[1])
		}
	}
}

// Requests share an assertion for the first half of its life, each audience its own.
func TestAssertionsAreShared(t *testing.T) {
	a, v := newAsserter(t), authn.NewAnonymous()
	id := func(by *authn.Asserter, audience string, after time.Duration) any {
		return asserted(t, v.Assertion(by, audience, at.Add(after)))["jti"]
	}
	first, chat := id(a, "data", 0), id(a, "chat", 0)
	if first == chat {
		t.Error("one for two audiences")
	}
	if id(a, "data", 30*time.Second-1) != first || id(a, "chat", 30*time.Second-1) != chat {
		t.Error("another one in the first half")
	}
	second := id(a, "data", 30*time.Second)
	if second == first || id(a, "data", 31*time.Second) != second {
		t.Errorf("%v, then %v", first, second)
	}
	if id(a, "chat", 31*time.Second) == chat {
		t.Error("the same one in the second half")
	}
	if third := id(a, "data", 0); third == second {
		t.Error("one that is of the future, to a clock that was set back")
	}
	// Another configuration's are not sent, and of many audiences not all are kept.
	other := newAsserter(t)
	before := id(a, "data", 0)
	if id(other, "data", 0) == before {
		t.Error("one for two asserters")
	}
	audiences := []string{"a", "b", "c", "d", "e", "f"}
	seen := map[any]bool{}
	for range 2 {
		for _, audience := range audiences {
			seen[id(other, audience, 0)] = true
		}
	}
	if len(seen) != 2*len(audiences) {
		t.Errorf("%d made", len(seen))
	}
}

func TestAssertionsConcurrently(t *testing.T) {
	a, v := newAsserter(t), authn.NewAnonymous()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				audience := fmt.Sprint(i % 6)
				if got := asserted(t, v.Assertion(a, audience, at.Add(time.Duration(i)*time.Second))); got["aud"] != audience {
					t.Errorf("for %s: %v", audience, got)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkAssertion(b *testing.B) {
	a, v := newAsserter(b), authn.NewAnonymous()
	b.Run("shared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Assertion(a, "data", at)
		}
	})
	b.Run("made", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			authn.NewAnonymous().Assertion(a, "data", at)
		}
	})
}
