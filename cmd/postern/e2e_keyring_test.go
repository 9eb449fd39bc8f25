package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/keyring.yaml
var keyringYAML string

const (
	secretOfA = "the-secret-of-tenant-A-which-only-A-knows"
	secretOfB = "the-secret-of-tenant-B-which-only-B-knows"
)

// estate is a Postern with the tenants A and B, and the files that it reads.
type estate struct {
	*testbed
	data *spy
	dir  string
	key  *ecdsa.PrivateKey // whose JWK has endorsements
}

func newEstate(t *testing.T) *estate {
	e := &estate{data: newSpy(t, nil), dir: t.TempDir()}
	var err error
	if e.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: &e.key.PublicKey, KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	e.write(t, "keys.json", `{"keys":[`+strings.TrimSuffix(string(jwk), "}")+`,"endorsements":["web","line"]}]}`)
	e.write(t, "tokens.json", `[{"id":"site","value":"write-key","attributes":{"project":"site"}}]`)
	e.ring(t, secretOfA)
	e.testbed = start(t, keyringYAML, map[string]string{"DATA": e.data.URL, "DIR": e.dir})
	return e
}

func (e *estate) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ring writes the key ring, with a secret of A.
func (e *estate) ring(t testing.TB, ofA string) {
	t.Helper()
	e.write(t, "ring.yaml", "A: [{ id: of-a, value: "+ofA+" }]\nB: [{ id: of-b, value: "+secretOfB+" }]\nempty: []\n")
}

// tenantToken makes a credential for the customer ann.
func tenantToken(t testing.TB, secret, kid string, changes jwt.MapClaims) string {
	t.Helper()
	claims := with(jwt.MapClaims{"sub": "ann", "exp": fromNow(time.Hour)}, changes)
	return "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, kid, []byte(secret), claims)
}

// told returns the identity headers that the backend received.
func (e *estate) told(t *testing.T) map[string]string {
	t.Helper()
	header, told := e.data.next(t).header, map[string]string{}
	for _, name := range []string{"X-Tenant", "X-Customer-Id", "X-Project", "X-Kid", "X-Endorsements", "Authorization"} {
		if value := header.Get(name); value != "" {
			told[name] = value
		}
	}
	return told
}

// A customer of one tenant reaches nothing of another, in whatever way the token
// and the request name them, and whatever the cache already knows.
func TestTenantsStayApart(t *testing.T) {
	e := newEstate(t)
	ofA := map[string]string{"X-Tenant": "A", "X-Customer-Id": "ann", "X-Kid": "of-a"}
	ofB := map[string]string{"X-Tenant": "B", "X-Customer-Id": "ann", "X-Kid": "of-b"}
	aud := func(tenant string) jwt.MapClaims {
		return jwt.MapClaims{"aud": "https://api.example.com/projects/" + tenant}
	}
	a, b := tenantToken(t, secretOfA, "", aud("A")), tenantToken(t, secretOfB, "", aud("B"))
	for round := range 2 { // the second time with a warm cache
		for _, test := range []struct {
			target, token string
			status        int
			reason        string
			told          map[string]string
		}{
			{"/path/A", a, 200, "", ofA},
			{"/path/B", b, 200, "", ofB},
			{"/path/%41", a, 200, "", ofA}, // the path as the backend reads it
			{"/path/B", a, 401, "bad_signature", nil},
			{"/path/A", b, 401, "bad_signature", nil},
			{"/path/%42", a, 401, "bad_signature", nil},
			{"/path/empty", a, 401, "bad_signature", nil},
			{"/path/nobody", a, 401, "unknown_key", nil},
			{"/path/B", tenantToken(t, secretOfA, "of-b", aud("B")), 401, "bad_signature", nil},
			{"/path/B", tenantToken(t, secretOfA, "B", aud("B")), 401, "bad_signature", nil},

			{"/query?project=A", a, 200, "", ofA},
			{"/query?project=B", a, 401, "bad_signature", nil},
			{"/query", a, 401, "unknown_key", nil},
			{"/query?project=A&project=B", a, 401, "unknown_key", nil},
			{"/query?project=B&project=A", a, 401, "unknown_key", nil},
			{"/query?project=A&Project=B", a, 400, "malformed_request", nil}, // which a backend might read instead
			{"/query?project=A&project[]=B", a, 400, "malformed_request", nil},

			{"/audience/A", a, 200, "", ofA},
			{"/audience/B", a, 403, "identity_mismatch", nil},
			{"/audience/B", tenantToken(t, secretOfA, "of-b", aud("B")), 401, "bad_signature", nil},
			{"/audience/A", tenantToken(t, secretOfA, "", aud("A/")), 401, "unknown_key", nil},
			{"/audience/A", tenantToken(t, secretOfA, "", jwt.MapClaims{"aud": []string{
				"https://api.example.com/projects/A", "https://api.example.com/projects/B",
			}}), 401, "unknown_key", nil},
		} {
			got := e.send(http.MethodGet, test.target, test.token)
			logged := e.log.next(t, "request")
			if got.status != test.status || got.header.Get("Postern-Reason") != test.reason {
				t.Errorf("round %d, %s: %+v, want %d %s", round, test.target, got, test.status, test.reason)
			}
			if got.status != http.StatusOK {
				e.data.expectNone(t)
				continue
			}
			if diff := cmp.Diff(test.told, e.told(t)); diff != "" {
				t.Errorf("round %d, %s: the backend was told (-want +got):\n%s", round, test.target, diff)
			}
			if logged["tenant"] != test.told["X-Tenant"] || logged["credential_id"] != test.told["X-Kid"] {
				t.Errorf("round %d, %s: logged %v", round, test.target, logged)
			}
		}
	}
	// The ids of a ring are as many as there are tenants, and no labels.
	if got := e.metrics("secret_used_total", "secret_not_after_timestamp_seconds"); len(got) != 0 {
		t.Errorf("metrics: %v", got)
	}
	got := e.metrics("keys_loaded")
	maps.DeleteFunc(got, func(series string, _ float64) bool { return !strings.Contains(series, "by-path") })
	if diff := cmp.Diff(map[string]float64{`keys_loaded{source="by-path"}`: 2}, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// A new secret of one tenant ends its old tokens, and disturbs no other tenant's
// while it is taken over.
func TestRingIsReplaced(t *testing.T) {
	e := newEstate(t)
	old, steady := tenantToken(t, secretOfA, "", nil), tenantToken(t, secretOfB, "", nil)
	if got := e.send(http.MethodGet, "/path/A", old); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	var ended sync.WaitGroup
	defer ended.Wait()
	stop := make(chan struct{})
	defer close(stop)
	for _, path := range []string{"/path/B", "/query?project=B"} {
		r := e.request(http.MethodGet, path, nil, steady)
		ended.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-e.data.seen:
				default:
				}
				response, err := e.client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				if response.Body.Close(); response.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, response.Status)
					return
				}
			}
		})
	}
	for i := range 50 {
		e.ring(t, strings.Repeat("another-secret-of-A", 2+i%2))
		if err := e.app.reload(); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.send(http.MethodGet, "/path/A", old); got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != "bad_signature" {
		t.Errorf("the old token: %+v", got)
	}
	fresh := tenantToken(t, strings.Repeat("another-secret-of-A", 3), "", nil)
	if got := e.send(http.MethodGet, "/path/A", fresh); got.status != http.StatusOK {
		t.Errorf("a new token: %+v", got)
	}
}

// A rule can ask what the identity provider says of the key itself.
func TestEndorsedKey(t *testing.T) {
	e := newEstate(t)
	token := "Authorization: Bearer " + signed(t, jwt.SigningMethodES256, "k1", e.key, jwt.MapClaims{
		"iss": "idp", "aud": "chat", "exp": fromNow(time.Hour), "endorsements": "sms",
	})
	if got := e.send(http.MethodGet, "/endorsed/line", token); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	e.log.next(t, "request")
	if diff := cmp.Diff(map[string]string{"X-Kid": "k1", "X-Endorsements": "web,line"}, e.told(t)); diff != "" {
		t.Errorf("the backend was told (-want +got):\n%s", diff)
	}
	for _, channel := range []string{"sms", "web,line", "k1"} {
		got := e.send(http.MethodGet, "/endorsed/"+channel, token)
		expectRefusal(t, e.testbed, got, http.StatusForbidden, "identity_mismatch")
	}
}

func TestBasicCredentials(t *testing.T) {
	e := newEstate(t)
	basic := func(scheme, text string) string {
		return "Authorization: " + scheme + " " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	site := map[string]string{"X-Project": "site"}
	for _, test := range []struct {
		target, field, reason string
		told                  map[string]string
	}{
		{"/server", basic("Basic", "write-key:"), "", site},
		{"/server", basic("basic", "write-key:anything"), "", site},
		{"/server", basic("BASIC", "write-key:a:b"), "", site},
		{"/pair", basic("basic", "key:s3cret"), "", map[string]string{}},
		{"/pair", basic("Basic", "key:other"), "unknown_token", nil},
		{"/server", basic("Basic", "other-key:"), "unknown_token", nil},
		{"/server", basic("Basic", "write-key"), "malformed_credential", nil},
		{"/server", basic("Basic", "write-key\r\n:"), "malformed_credential", nil},
		{"/server", "Authorization: Basic write-key", "malformed_credential", nil},
		{"/server", "Authorization: Basic write-key:", "malformed_credential", nil},
		{"/server", "Authorization: Basic", "malformed_credential", nil},
		{"/server", "Authorization: Bearer d3JpdGUta2V5Og==", "missing_credential", nil},
	} {
		got := e.send(http.MethodGet, test.target, test.field)
		if test.reason == "" {
			if diff := cmp.Diff(test.told, e.told(t)); diff != "" || got.status != http.StatusOK {
				t.Errorf("%s: %+v, the backend was told (-want +got):\n%s", test.field, got, diff)
			}
			continue
		}
		e.data.expectNone(t)
		challenge := got.header.Get("WWW-Authenticate")
		if got.status != http.StatusUnauthorized || got.header.Get("Postern-Reason") != test.reason || !strings.HasPrefix(challenge, `Basic realm="`) {
			t.Errorf("%s: %+v, want %s", test.field, got, test.reason)
		}
	}
	want := map[string]float64{
		`secret_used_total{authenticator="server",id="site"}`: 3, `secret_used_total{authenticator="pair",id="pair"}`: 1,
	}
	if diff := cmp.Diff(want, e.metrics("secret_used_total")); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
