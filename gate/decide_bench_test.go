package gate_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// decision is a request and the gate that allows it, for measuring.
type decision struct {
	name    string
	gate    *gate.Gate
	request *gate.Request
	key     any // that verifies its token
}

// decisions are one for each kind of credential, over a policy of ten routes
// with a path rule each and three identity headers.
func decisions(t testing.TB) []decision {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	list := []decision{{
		"token", realistic(t, authenticators(t)["project"], "attributes.project"),
		realisticRequest(t, "Authorization: Token "+projectToken), nil,
	}}
	for _, signer := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		keys   keys.Settings
	}{
		{"hs256", jwt.SigningMethodHS256, []byte(jwtSecret), keys.Settings{Secrets: []keys.SecretSettings{{ID: "k1", Value: keys.Value{Literal: jwtSecret}}}}},
		{"rs256", jwt.SigningMethodRS256, rsaKey, publicKey(t, rsaKey)},
		{"es256", jwt.SigningMethodES256, ecKey, publicKey(t, ecKey)},
	} {
		unsigned := jwt.NewWithClaims(signer.method, jwt.MapClaims{
			"iss": "https://idp.example.com/", "aud": []string{"chat", "data"}, "sub": "customer-4711", "project": "acme", "email": "ann@example.com",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Unix() + 600, "jti": "0d1f7f5e-7f2c-4b1e-9f57-1c8f4f3c2a10",
		})
		unsigned.Header["kid"] = "k1"
		token, err := unsigned.SignedString(signer.key)
		if err != nil {
			t.Fatal(err)
		}
		// An entry that is too old at once is never used.
		for _, cache := range []struct {
			suffix string
			most   time.Duration
		}{{"-cached", time.Hour}, {"-uncached", 0}} {
			s := new(authn.JWTSettings)
			s.SetDefaults()
			s.Algorithms, s.Issuer, s.Audience = []string{signer.method.Alg()}, []string{"https://idp.example.com/"}, []string{"chat"}
			s.CustomerID = reference(t, "claims.sub")
			var problems policy.Problems
			set := signer.keys.Load(nil, keys.Loader{}, false, &problems)
			mustNot(t, problems)
			verified := authn.NewCache(authn.CacheSettings{Entries: 1000, Bytes: 1 << 20, Max: policy.Duration(cache.most)}, silent{})
			list = append(list, decision{
				signer.name + cache.suffix, realistic(t, authn.NewJWT("web", s, set, verified, 16<<10), "claims.project"),
				realisticRequest(t, "Authorization: Bearer "+token), verifying(signer.key),
			})
		}
	}
	return list
}

// verifying returns the key that verifies what key signs.
func verifying(key any) any {
	if signer, ok := key.(crypto.Signer); ok {
		return signer.Public()
	}
	return key
}

func publicKey(t testing.TB, key crypto.Signer) keys.Settings {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return keys.Settings{PublicKeys: []keys.PublicKeySettings{{ID: "k1", File: path}}}
}

func realistic(t testing.TB, web authn.Authenticator, project string) *gate.Gate {
	t.Helper()
	var settings []policy.RouteSettings
	for _, match := range []string{
		"POST /track/v2/projects/{project}/customers/events",
		"POST /track/v2/projects/{project}/customers",
		"POST /webxp/projects/{project}/appinbox/fetch",
		"POST /webxp/projects/{project}/appinbox/markasread",
		"GET /webxp/projects/{project}/bundle",
		"POST /data/v2/projects/{project}/customers/attributes",
		"GET /data/v2/projects/{project}/customers/{customer}",
		"GET /chat/{project}/requests/{id}/messages",
		"POST /chat/{project}/requests/{id}/messages",
		"/chat/{project}/files/",
	} {
		settings = append(settings, route(t, match, []string{"web"}, rule{identity: project, request: "path.project"}))
	}
	headers := map[string]string{"X-Customer-Id": "{customer_id}", "X-Customer-Email": "{claims.email}", "X-Auth-Level": "{level}"}
	return compile(t, settings, headers, map[string]authn.Authenticator{"web": web})
}

func realisticRequest(t testing.TB, credential string) *gate.Request {
	t.Helper()
	return request(t, "POST /webxp/projects/acme/appinbox/fetch?limit=20&offset=40", credential,
		"Accept: application/json", "Accept-Encoding: gzip", "Accept-Language: en", "Content-Type: application/json",
		"User-Agent: sdk/4.2 (Android 16)", "X-Correlation-Id: 7b0c1f", "Cookie: a=b; c=d", "Connection: keep-alive")
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range decisions(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var d gate.Decision
			for b.Loop() {
				if c.gate.Decide(b.Context(), c.request, &d); d.Denial != nil {
					b.Fatal(d.Denial)
				}
			}
		})
	}
}

// BenchmarkOutbound is a decision and the header that its upstream receives.
func BenchmarkOutbound(b *testing.B) {
	for _, c := range decisions(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var d gate.Decision
			out, target := http.Header{}, *c.request.URL
			for b.Loop() {
				clear(out)
				maps.Copy(out, c.request.Header)
				c.gate.Decide(b.Context(), c.request, &d)
				d.Outbound(out, &target)
			}
		})
	}
}

// BenchmarkReference is what one would write without Postern for the same tokens:
// golang-jwt's own parser, asked about each request.
func BenchmarkReference(b *testing.B) {
	for _, c := range decisions(b) {
		name, uncached := strings.CutSuffix(c.name, "-uncached")
		if !uncached {
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			parser := jwt.NewParser(jwt.WithValidMethods([]string{strings.ToUpper(name)}), jwt.WithIssuer("https://idp.example.com/"),
				jwt.WithAudience("chat"), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
			key := func(*jwt.Token) (any, error) { return c.key, nil }
			for b.Loop() {
				text := strings.TrimPrefix(c.request.Header.Get("Authorization"), "Bearer ")
				if _, err := parser.ParseWithClaims(text, jwt.MapClaims{}, key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestDecideAllocations bounds what a decision, and what the upstream hears of it,
// cost where no signature is verified. A static token's attribute is compared as any
// other part of an identity, which takes a word.
func TestDecideAllocations(t *testing.T) {
	most := map[string]float64{"token": 1, "hs256-cached": 0, "rs256-cached": 0, "es256-cached": 0}
	for _, c := range decisions(t) {
		limit, bounded := most[c.name]
		if !bounded {
			continue
		}
		var d gate.Decision
		out, target := http.Header{}, *c.request.URL
		n := testing.AllocsPerRun(100, func() {
			clear(out)
			maps.Copy(out, c.request.Header)
			c.gate.Decide(t.Context(), c.request, &d)
			d.Outbound(out, &target)
		})
		if d.Denial != nil || n > limit {
			t.Errorf("%s: %v allocations, at most %v are wanted; denial %v", c.name, n, limit, d.Denial)
		}
	}
}
