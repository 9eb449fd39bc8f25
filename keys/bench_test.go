package keys_test

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/keys"
)

func BenchmarkCandidates(b *testing.B) {
	at := time.Unix(1, 0)
	var secrets []keys.SecretSettings
	for i := range 10 {
		secrets = append(secrets, secret(fmt.Sprint(i), fmt.Sprint(i)))
	}
	shared := load(b, keys.Settings{Secrets: secrets})
	path := filepath.Join(b.TempDir(), "jwks.json")
	if err := os.WriteFile(path, []byte(jwkSet(ecJWK("a"), ecJWK("7"))), 0o600); err != nil {
		b.Fatal(err)
	}
	public := load(b, keys.Settings{JWKSFile: path})
	for _, bench := range []struct {
		name, algorithm string
		set             *keys.Static
	}{{"secrets", "HS256", shared}, {"public", "ES256", public}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.set.Candidates("", "7", bench.algorithm, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for algorithm, key := range map[string]crypto.Signer{"RS256": rsa2048(), "ES256": p256(), "EdDSA": edwards()} {
		b.Run(algorithm, func(b *testing.B) {
			public := parse(b, jwkSet(publicJWK("a", "", key)))[0]
			input, signature := sign(b, algorithm, key)
			b.ReportAllocs()
			for b.Loop() {
				if err := public.Verify(algorithm, input, signature); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseJWKS(b *testing.B) {
	document := []byte(jwkSet(publicJWK("a", "RS256", rsa2048()), publicJWK("b", "ES256", p256()), publicJWK("c", "EdDSA", edwards())))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.ParseJWKS(document); err != nil {
			b.Fatal(err)
		}
	}
}

// What a reload does with a ring of which one secret is new, after it is read.
func BenchmarkReplaceRing(b *testing.B) {
	ring := func(secretOfLast string) *keys.Ring {
		tenants := make(keys.KeyringSettings, 100_000)
		for i := range 100_000 {
			tenants[fmt.Sprint(i)] = []keys.TenantSecretSettings{tenantSecret("1", fmt.Sprintf("secret-%032d", i))}
		}
		tenants["last"] = []keys.TenantSecretSettings{tenantSecret("1", secretOfLast)}
		return loadRing(b, tenants)
	}
	old, next := ring("old"), ring("new")
	b.ReportAllocs()
	for b.Loop() {
		if next.Equal(old) {
			b.Fatal("nothing is new")
		}
		next.Inherit(old)
	}
}

// BenchmarkRing looks tenants up in a ring of 100,000, and in one of 100 to
// compare.
func BenchmarkRing(b *testing.B) {
	at := time.Unix(1, 0)
	for _, size := range []int{100, 100_000} {
		tenants := keys.KeyringSettings{}
		names := make([]string, size)
		for i := range names {
			names[i] = fmt.Sprintf("project-%d", i)
			tenants[names[i]] = []keys.TenantSecretSettings{tenantSecret("1", fmt.Sprint("secret of ", names[i]))}
		}
		ring := loadRing(b, tenants)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				// A stride that is prime to the size visits all in no order.
				if _, err := ring.Candidates(names[i*7919%size], "1", "HS256", at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
