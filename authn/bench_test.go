package authn_test

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// typical is what the token of an identity provider says.
const typical = `{"iss":"https://idp.example.com/","aud":["chat","data"],"sub":"customer-4711","email":"ann@example.com",` +
	`"iat":1000000,"nbf":1000000,"exp":1000300,"jti":"0d1f7f5e-7f2c-4b1e-9f57-1c8f4f3c2a10"}`

// typicalToken is one that an authenticator of typicalSettings accepts.
func typicalToken(t testing.TB, algorithm string) string {
	return mint(t, algorithm, `{"alg":"`+algorithm+`","typ":"JWT","kid":"k1"}`, typical)
}

func typicalSettings(t testing.TB, algorithm string) *authn.JWTSettings {
	return jwtSettings(t, func(s *authn.JWTSettings) {
		if key, ok := signingKey(algorithm).(crypto.Signer); ok {
			s.Keys = publicKeys(t, signers(key))
		}
		s.Algorithms = []string{algorithm}
		s.Issuer, s.Audience = []string{"https://idp.example.com/"}, []string{"chat"}
		s.CustomerID = reference(t, "claims.sub")
	})
}

// newTypical returns an authenticator over a cache with these bounds.
func newTypical(t testing.TB, algorithm string, cache authn.CacheSettings) *authn.JWT {
	s := typicalSettings(t, algorithm)
	return authn.NewJWT("web", s, loadKeys(t, s.Keys), authn.NewCache(cache, &observer{}), tokenBytes)
}

// uncached keeps what it is given for no time.
var uncached = authn.CacheSettings{Entries: 1000, Bytes: 1 << 20}

// BenchmarkVerify takes turns with the bare check of the same signature, so that
// a busy machine slows both: what is reported is what a token costs beyond it.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range keys.AlgorithmNames() {
		b.Run(algorithm, func(b *testing.B) {
			token := typicalToken(b, algorithm)
			dot := strings.LastIndexByte(token, '.')
			input, signature := token[:dot], must(base64.RawURLEncoding.DecodeString(token[dot+1:]))
			method, key := jwt.GetSigningMethod(algorithm), signingKey(algorithm)
			if signer, ok := key.(crypto.Signer); ok {
				key = signer.Public()
			}
			j := newTypical(b, algorithm, uncached)
			var bare, whole time.Duration
			for b.Loop() {
				start := time.Now()
				if err := method.Verify(input, signature, key); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				use(b, j, token, at)
				bare, whole = bare+middle.Sub(start), whole+time.Since(middle)
			}
			b.ReportMetric(float64(whole-bare)/float64(b.N), "ns-beyond/op")
			b.ReportMetric(float64(whole)/float64(bare), "times-signature")
		})
	}
}

func BenchmarkCacheHit(b *testing.B) {
	j, token := newTypical(b, "RS256", capacity(1000)), typicalToken(b, "RS256")
	use(b, j, token, at)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			use(b, j, token, at)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				use(b, j, token, at)
			}
		})
	})
}

// A token that is found in the cache costs no allocation.
func TestCacheHitDoesNotAllocate(t *testing.T) {
	j, token := newTypical(t, "HS256", capacity(1000)), typicalToken(t, "HS256")
	use(t, j, token, at)
	if n := testing.AllocsPerRun(100, func() { use(t, j, token, at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkCacheAtCapacity drives one entry out for each that comes in, as a
// cache that is never full does not have to.
func BenchmarkCacheAtCapacity(b *testing.B) {
	tokens := make([]string, 20_000)
	for i := range tokens {
		tokens[i] = hs256(b, fmt.Sprintf(`{"exp":1001000,"i":%d}`, i))
	}
	for _, bench := range []struct {
		name    string
		entries int
	}{{"full", len(tokens) / 2}, {"room", len(tokens) * 2}} {
		b.Run(bench.name, func(b *testing.B) {
			var j authn.Authenticator
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(tokens) == 0 { // all have been seen
					b.StopTimer()
					j, _ = cached(b, capacity(bench.entries))
					for _, token := range tokens[:len(tokens)/2] {
						use(b, j, token, at)
					}
					b.StartTimer()
					i += len(tokens) / 2
				}
				use(b, j, tokens[i%len(tokens)], at)
			}
		})
	}
}

// capacity bounds a cache by its entries.
func capacity(entries int) authn.CacheSettings {
	return authn.CacheSettings{Entries: entries, Bytes: 1 << 30, Max: policy.Duration(time.Minute)}
}
