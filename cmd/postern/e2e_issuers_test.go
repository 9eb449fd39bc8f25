package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// npmIssuer is an issuer that others have written, in a process of its own.
type npmIssuer struct {
	url    string
	client *http.Client
}

// startIssuer runs a script of testdata/npm-issuers, which signs with an
// algorithm, until the test ends.
func startIssuer(t *testing.T, script, algorithm string) *npmIssuer {
	t.Helper()
	nodeModules(t, "testdata/npm-issuers")
	command := exec.Command("node", script, algorithm)
	command.Dir = "testdata/npm-issuers"
	errors, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = errors
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // which the script takes as its end
		last := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer last.Stop()
		if err := command.Wait(); err != nil {
			said, _ := os.ReadFile(errors.Name())
			t.Errorf("%s: %v\n%s", script, err, said)
		}
		errors.Close()
	})
	issuer, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(errors.Name())
		t.Fatalf("%s names no issuer: %v\n%s", script, err, said)
	}
	return &npmIssuer{strings.TrimSpace(issuer), newClient(t)}
}

// post makes a request to the issuer and returns the body of its answer.
func (i *npmIssuer) post(t *testing.T, path, contentType, body string, fields ...string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, i.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	setFields(t, r, append(fields, "Content-Type: "+contentType))
	r.Close = true // an idle connection would keep a goroutine
	response, err := i.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, response.StatusCode, got, err)
	}
	return string(got)
}

// sign has jose.mjs sign claims, which get an issuer and an end.
func (i *npmIssuer) sign(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	body, err := json.Marshal(with(jwt.MapClaims{"iss": i.url, "aud": "urn:chat", "exp": fromNow(time.Hour)}, claims))
	if err != nil {
		t.Fatal(err)
	}
	return i.post(t, "/sign", "application/json", string(body))
}

// grant has oidc-provider.mjs issue an access token for a resource.
func (i *npmIssuer) grant(t *testing.T, resource string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"chat:write"}}
	r, err := http.NewRequest(http.MethodPost, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(oidcClient, oidcSecret)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	answer := i.post(t, "/token", "application/x-www-form-urlencoded", form.Encode(), "Authorization: "+r.Header.Get("Authorization"))
	if err := json.Unmarshal([]byte(answer), &granted); err != nil || granted.AccessToken == "" {
		t.Fatalf("granted %s: %v", answer, err)
	}
	return granted.AccessToken
}

// The one client of oidc-provider.mjs.
const oidcClient, oidcSecret = "mobile-app", "secret-of-the-mobile-app"

// issuersYAML trusts two issuers on one carrier.
const issuersYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  jose:
    type: jwt
    keys: { jwks_url: "${JOSE}/jwks" }
    algorithms: ["${ALG}"]
    issuer: "${JOSE}"
    audience: urn:chat
    customer_id: claims.sub
  provider:
    type: jwt
    keys: { jwks_url: "${PROVIDER}/jwks" }
    algorithms: ["${ALG}"]
    issuer: "${PROVIDER}"
    audience: urn:chat
    typ: at+jwt
    scopes: chat:write
    customer_id: claims.sub
identity_headers: { X-Customer-Id: "{customer_id}", X-Authenticator: "{authenticator}" }
routes:
  - { name: chat, match: /chat, upstream: data, authenticate: [jose, provider] }
`

// Tokens that others sign verify with the keys that they publish, and only
// those.
func TestIssuersOfOthers(t *testing.T) {
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			backend := newSpy(t, nil)
			jose, provider := startIssuer(t, "jose.mjs", algorithm), startIssuer(t, "oidc-provider.mjs", algorithm)
			b := start(t, issuersYAML, map[string]string{"DATA": backend.URL, "JOSE": jose.url, "PROVIDER": provider.url, "ALG": algorithm})
			b.log.next(t, "keys loaded")
			b.log.next(t, "keys loaded")

			ann := jose.sign(t, jwt.MapClaims{"sub": "ann"})
			app := provider.grant(t, "urn:chat")
			for _, test := range []struct{ token, customer, authenticator string }{
				{ann, "ann", "jose"}, {app, oidcClient, "provider"},
			} {
				if got := b.send(http.MethodGet, "/chat", "Authorization: Bearer "+test.token); got.status != http.StatusOK {
					t.Fatalf("%s: %+v", test.authenticator, got)
				}
				got := backend.next(t).header
				want := []string{test.customer, test.authenticator}
				if diff := cmp.Diff(want, []string{got.Get("X-Customer-Id"), got.Get("X-Authenticator")}); diff != "" {
					t.Error(diff)
				}
			}
			parts, others := strings.Split(ann, "."), strings.Split(jose.sign(t, jwt.MapClaims{"sub": "bob"}), ".")
			for name, test := range map[string]struct{ token, reason string }{
				"claims of another":   {parts[0] + "." + others[1] + "." + parts[2], "bad_signature"},
				"iss of the other":    {jose.sign(t, jwt.MapClaims{"sub": "ann", "iss": provider.url}), "claim_not_allowed"}, // its typ
				"iss of nobody":       {jose.sign(t, jwt.MapClaims{"sub": "ann", "iss": "urn:nobody"}), "wrong_issuer"},
				"audience of another": {jose.sign(t, jwt.MapClaims{"sub": "ann", "aud": "urn:shop"}), "wrong_audience"},
				"expired":             {jose.sign(t, jwt.MapClaims{"sub": "ann", "exp": fromNow(-time.Hour)}), "token_expired"},
				"opaque":              {provider.grant(t, "urn:opaque"), "malformed_credential"},
			} {
				if got := b.send(http.MethodGet, "/chat", "Authorization: Bearer "+test.token); got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != test.reason {
					t.Errorf("%s: %+v", name, got)
				}
			}
			backend.expectNone(t)
		})
	}
}

// The provider's own metadata says where its keys are.
func TestDiscoveryOfAProvider(t *testing.T) {
	backend, provider := newSpy(t, nil), startIssuer(t, "oidc-provider.mjs", "ES256")
	b := start(t, anyPort+`
upstreams: { data: { url: "${DATA}" } }
authenticators:
  provider: { type: jwt, keys: { discovery: "${PROVIDER}" }, algorithms: [ES256], issuer: "${PROVIDER}", audience: urn:chat, customer_id: claims.sub }
identity_headers: { X-Customer-Id: "{customer_id}" }
routes:
  - { match: /chat, upstream: data, authenticate: [provider] }
`, map[string]string{"DATA": backend.URL, "PROVIDER": provider.url})
	b.log.next(t, "keys loaded")
	if got := b.send(http.MethodGet, "/chat", "Authorization: Bearer "+provider.grant(t, "urn:chat")); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if got := backend.next(t).header.Get("X-Customer-Id"); got != oidcClient {
		t.Errorf("the customer is %q", got)
	}
}
