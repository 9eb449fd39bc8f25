package policy_test

import (
	"testing"

	"postern/policy"
)

func BenchmarkParseObject(b *testing.B) {
	for name, text := range map[string]string{
		"header": `{"alg":"RS256","typ":"JWT","kid":"2026-11"}`,
		"claims": `{"iss":"https://idp.example.com/","aud":["chat","data"],"sub":"customer-4711","email":"ann@example.com","iat":1000000,"nbf":1000000,"exp":1000300,"jti":"0d1f7f5e-7f2c-4b1e-9f57-1c8f4f3c2a10"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.ParseObject([]byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
