package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const exponeaFile = "../../examples/exponea/postern.yaml"

// exponeaSecrets are the values of the environment that the example names.
var exponeaSecrets = map[string]string{
	"ACME_TOKEN":            "acme-token-of-the-app",
	"ACME_SERVER_KEY":       "acme-public:acme-private",
	"ACME_PRIVATE_KEY":      "acme-private-key-of-32-bytes-or-more",
	"ACME_TEST_PRIVATE_KEY": "acme-test-private-key-of-32-bytes-or-more",
	"ACME_STREAM_KEY":       "acme-stream-key-of-64-bytes-or-more-as-hs512-wants-by-rfc-7518-3.2",
	"ACME_TEST_STREAM_KEY":  "acme-test-stream-key-of-64-bytes-or-more-as-hs512-wants-by-rfc-7518",
}

// exampleText reads an example's file and gives it other addresses: each pair
// is a text and what takes its place.
func exampleText(t testing.TB, file string, pairs ...string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%s holds %q %d times, want once", file, pairs[i], strings.Count(text, pairs[i]))
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func exponeaText(t testing.TB, upstream string) string {
	t.Helper()
	return exampleText(t, exponeaFile,
		`listen: ":8080"`, `{ listen: "127.0.0.1:0", shutdown_delay: 0s }`,
		`listen: "127.0.0.1:9180"`, `listen: "127.0.0.1:0"`,
		"http://127.0.0.1:4000", upstream)
}

// startExponea runs the example in front of a recording backend.
func startExponea(t *testing.T) (*testbed, *spy) {
	t.Helper()
	for name, value := range exponeaSecrets {
		t.Setenv(name, value)
	}
	backend := newSpy(t, nil)
	return start(t, exponeaText(t, backend.URL), nil), backend
}

// Who speaks in the requests of the SDKs.
const (
	appToken  = "Token acme-token-of-the-app"
	serverKey = "basic YWNtZS1wdWJsaWM6YWNtZS1wcml2YXRl" // lower case, as the PHP SDK has it
	visitor   = ""
)

// bearer signs a token with one of the example's secrets; a nil change removes a
// claim.
func bearer(t testing.TB, method jwt.SigningMethod, kid, secret string, claims, changes jwt.MapClaims) string {
	t.Helper()
	return "Bearer " + signed(t, method, kid, []byte(secret), with(claims, changes))
}

func customerToken(t testing.TB, changes jwt.MapClaims) string {
	return bearer(t, jwt.SigningMethodHS256, "acme-2026", exponeaSecrets["ACME_PRIVATE_KEY"], jwt.MapClaims{
		"sub": map[string]string{"registered": "ada@example.com"}, "exp": fromNow(time.Hour),
	}, changes)
}

func streamToken(t testing.TB, changes jwt.MapClaims) string {
	return bearer(t, jwt.SigningMethodHS512, "acme-stream-2026", exponeaSecrets["ACME_STREAM_KEY"], jwt.MapClaims{
		"ids": map[string]string{"registered": "ada@example.com"}, "exp": fromNow(time.Hour),
	}, changes)
}

// sdkCall is a request as an SDK sends it.
type sdkCall struct {
	name, method, target string
	fields               []string // beside the SDK's usual ones
	authorization        string   // "" sends none
	body                 string
}

// sdk are the fields that the SDKs of the two systems always send.
var sdk = map[string][]string{
	"android": {"Content-Type: application/json; charset=utf-8", "Accept-Encoding: br,gzip", "User-Agent: okhttp/4.12.0"},
	"ios":     {"Content-Type: application/json", "Accept: application/json", "User-Agent: Example/1 CFNetwork/1496.0.7 Darwin/23.5.0"},
}

func (c *sdkCall) send(b *testbed) answer {
	b.t.Helper()
	system, _, _ := strings.Cut(c.name, " ")
	fields := append([]string{"X-Customer-Ids: {\"registered\":\"root\"}", "x_auth_level: customer"}, c.fields...)
	if c.body != "" || system != "android" {
		fields = append(fields, sdk[system]...)
	}
	r := b.request(c.method, c.target, strings.NewReader(c.body), fields...)
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
	return b.exchange(r)
}

// stream reports whether a call is one of stream mode.
func (c *sdkCall) stream() bool { return strings.Contains(c.target, "stream") }

// signed reports whether a call carries a customer's token.
func (c *sdkCall) signed() bool { return strings.HasPrefix(c.authorization, "Bearer ") }

// identity is what the backend must be told of a call.
func (c *sdkCall) identity() http.Header {
	h := http.Header{"X-Auth-Level": {"anonymous"}}
	switch {
	case c.signed():
		h.Set("X-Auth-Level", "customer")
		h.Set("X-Customer-Ids", `{"registered":"ada@example.com"}`)
	case c.authorization != visitor:
		h.Set("X-Auth-Level", "application")
	}
	switch {
	case c.authorization == visitor:
	case c.stream():
		h.Set("X-Stream", "acme-stream")
	default:
		h.Set("X-Project", "acme")
	}
	return h
}

// Every request that the SDKs send arrives as it came, with the identity that
// the credential proves and none that the client claims.
func TestExponeaRequests(t *testing.T) {
	b, backend := startExponea(t)
	for _, c := range exponeaCalls(t) {
		t.Run(c.name, func(t *testing.T) {
			if got := c.send(b); got.status != http.StatusOK || got.body != "ok" {
				t.Fatalf("%d %s", got.status, got.body)
			}
			got := backend.next(t)
			if got.method != c.method || got.target != c.target || got.body != c.body {
				t.Errorf("the backend got %s %s %q", got.method, got.target, got.body)
			}
			told := http.Header{}
			for name, values := range got.header {
				if strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "X-Forwarded-") && name != "X-Request-Id" || name == "Authorization" {
					told[name] = values
				}
			}
			if diff := cmp.Diff(c.identity(), told); diff != "" {
				t.Error(diff)
			}
			for _, field := range c.fields {
				if name, value, _ := strings.Cut(field, ": "); got.header.Get(name) != value {
					t.Errorf("%s: %q", name, got.header.Get(name))
				}
			}
		})
	}
}
