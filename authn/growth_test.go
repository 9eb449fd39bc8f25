package authn_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"postern/authn"
	"postern/policy"
)

// customerToken returns the token of one of ever more customers.
func customerToken(t testing.TB, i int) string {
	return hs256(t, fmt.Sprintf(`{"exp":1001000,"sub":"customer-%d","email":"ann-%d@example.com","jti":"%032d"}`, i, i, i))
}

// heap returns how much of it is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// However many tokens come, they take no more memory than the cache may have.
func TestCacheBoundsMemory(t *testing.T) {
	const bound = 4 << 20
	j, told := cached(t, authn.CacheSettings{Entries: 1_000_000, Bytes: bound, Max: policy.Duration(time.Minute)})
	before := heap()
	for i := range 20_000 {
		use(t, j, customerToken(t, i), at)
	}
	if taken := heap() - before; taken > bound || told.Evicted == 0 {
		t.Errorf("%d tokens take %d bytes, with %d driven out", told.Entries, taken, told.Evicted)
	}
	runtime.KeepAlive(j)
}

// BenchmarkDistinctTokens verifies tokens of which each is new, once so many others
// were before it, and reports what the cache holds in the end.
func BenchmarkDistinctTokens(b *testing.B) {
	for _, earlier := range []int{0, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("earlier=%d", earlier), func(b *testing.B) {
			var settings authn.CacheSettings
			settings.SetDefaults()
			before := heap()
			j, _ := cached(b, settings)
			for i := range earlier {
				use(b, j, customerToken(b, i), at)
			}
			tokens := make([]string, 10_000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(tokens) == 0 {
					b.StopTimer()
					for k := range tokens {
						tokens[k] = customerToken(b, earlier+i+k)
					}
					b.StartTimer()
				}
				use(b, j, tokens[i%len(tokens)], at)
			}
			clear(tokens)
			b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
			runtime.KeepAlive(j)
		})
	}
}

// BenchmarkClaims verifies tokens whose payload has a size: of few claims, of 8 KB,
// and as large as a token may be.
func BenchmarkClaims(b *testing.B) {
	for _, size := range []int{200, 8 << 10, (tokenBytes - 100) / 4 * 3} {
		var claims strings.Builder
		claims.WriteString(`{"exp":1001000,"sub":"customer-4711","roles":["none"`)
		for i := 0; claims.Len() < size-len(`,"chat:read:0000"]}`); i++ {
			fmt.Fprintf(&claims, `,"chat:read:%04d"`, i)
		}
		token := hs256(b, claims.String()+"]}")
		for _, bench := range []struct {
			name  string
			cache authn.CacheSettings
		}{{"cached", capacity(10)}, {"uncached", uncached}} {
			b.Run(fmt.Sprintf("bytes=%d/%s", claims.Len()+len("]}"), bench.name), func(b *testing.B) {
				j, _ := cached(b, bench.cache)
				use(b, j, token, at)
				b.ReportAllocs()
				for b.Loop() {
					use(b, j, token, at)
				}
			})
		}
	}
}
