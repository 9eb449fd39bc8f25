package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// keysYAML serves / to customers whose keys come from KEYS, and /other to those
// of another issuer.
const keysYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, ready_timeout: 1h }
admin: { listen: "127.0.0.1:0" }
state_dir: "${STATE}"
upstreams: { data: { url: "${DATA}" } }
authenticators:
  customer-token: { type: jwt, keys: { ${KEYS} }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
  other-token: { type: jwt, keys: { jwks_url: "${OTHER}" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }
routes:
  - { match: /, upstream: data, authenticate: [customer-token] }
  - { match: /other, upstream: data, authenticate: [other-token] }
`

func customerClaims() jwt.MapClaims {
	return jwt.MapClaims{"iss": "idp", "aud": "chat", "sub": "c1", "exp": fromNow(time.Hour)}
}

// ask sends a token and returns the status and the reason of a refusal.
func (b *testbed) ask(target, token string) string {
	b.t.Helper()
	got := b.send(http.MethodGet, target, "Authorization: Bearer "+token)
	if reason := got.header.Get("Postern-Reason"); reason != "" {
		return reason
	}
	return http.StatusText(got.status)
}

func (b *testbed) expect(target, token, want string) {
	b.t.Helper()
	if got := b.ask(target, token); got != want {
		b.t.Errorf("%s: %s, want %s", target, got, want)
	}
}

var keyMetrics = []string{"keys_loaded", "keys_refresh_total", "keys_kept_total", "keys_unknown_kid_total", "keys_last_success_timestamp_seconds"}

// metric returns one sample of the source customer-token.
func (b *testbed) metric(family string, pairs ...string) float64 {
	b.t.Helper()
	return b.metrics(family)[labelled(family, append(pairs, "source", "customer-token")...)]
}

func TestRestartDuringAnOutage(t *testing.T) {
	data, idp, other := newSpy(t, nil), newIssuer(t, "k1"), newIssuer(t, "o1")
	state := filepath.Join(t.TempDir(), "state")
	values := map[string]string{"DATA": data.URL, "OTHER": other.URL, "STATE": state, "KEYS": `jwks_url: "` + idp.URL + `"`}
	token, strange := idp.sign(t, "k1", customerClaims()), other.sign(t, "o1", customerClaims())

	before := start(t, keysYAML, values)
	eventually(t, "two copies", func() bool {
		copies, err := filepath.Glob(filepath.Join(state, "*.json"))
		return err == nil && len(copies) == 2
	})
	before.expect("/", token, "OK")
	fetched := before.metric("keys_last_success_timestamp_seconds")
	before.stop()

	idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	b := start(t, keysYAML, values)
	b.log.next(t, "refreshing keys failed")
	b.expect("/", token, "OK")
	b.expect("/other", strange, "OK")
	b.expect("/other", token, "unknown_key")
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
		t.Errorf("readyz %+v", got)
	}
	if got := b.metric("keys_last_success_timestamp_seconds"); got == 0 || got != fetched {
		t.Errorf("last success %f, want %f, that of the copy", got, fetched)
	}
	if got := b.metric("keys_loaded"); got != 1 {
		t.Errorf("%v keys loaded", got)
	}
	if ok, failed := b.metric("keys_refresh_total", "result", "success"), b.metric("keys_refresh_total", "result", "failure"); ok != 0 || failed == 0 {
		t.Errorf("%v refreshes, %v failures", ok, failed)
	}
	// The outage is nobody's fault: a new key is waited for, not refused.
	idp.publish(t, "k2")
	fresh := idp.sign(t, "k2", customerClaims())
	b.expect("/", fresh, "keys_pending")

	idp.fail(nil)
	eventually(t, "recovery", func() bool { return b.ask("/", fresh) == "OK" })
	eventually(t, "a new copy", func() bool { return b.metric("keys_kept_total", "result", "success") == 1 })
	if got := b.metric("keys_last_success_timestamp_seconds"); got <= fetched {
		t.Errorf("last success %f, want after %f", got, fetched)
	}
}

// A folder that cannot be used is told, and harms nobody.
func TestStateDirCannotBeUsed(t *testing.T) {
	data, idp := newSpy(t, nil), newIssuer(t, "k1")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, keysYAML, map[string]string{"DATA": data.URL, "OTHER": idp.URL, "STATE": file, "KEYS": `jwks_url: "` + idp.URL + `"`})
	b.log.next(t, "keeping the last good copy failed")
	b.log.next(t, "keeping the last good copy failed")
	b.expect("/", idp.sign(t, "k1", customerClaims()), "OK")
	eventually(t, "the metric", func() bool { return b.metric("keys_kept_total", "result", "failure") == 1 })
}

func TestKeyMetrics(t *testing.T) {
	data, idp, other := newSpy(t, nil), newIssuer(t, "k1"), newIssuer(t, "o1", "o2")
	b := start(t, keysYAML, map[string]string{"DATA": data.URL, "OTHER": other.URL, "STATE": "", "KEYS": `jwks_url: "` + idp.URL + `"`})
	const source = "customer-token"
	check := func(step string, loaded, ok, failed, unknown float64) {
		t.Helper()
		want := map[string]float64{
			labelled("keys_loaded", "source", source):                                    loaded,
			labelled("keys_refresh_total", "result", "success", "source", source):        ok,
			labelled("keys_refresh_total", "result", "failure", "source", source):        failed,
			labelled("keys_unknown_kid_total", "source", source):                         unknown,
			labelled("keys_loaded", "source", "other-token"):                             2,
			labelled("keys_refresh_total", "result", "success", "source", "other-token"): 1,
			labelled("keys_refresh_total", "result", "failure", "source", "other-token"): 0,
			labelled("keys_unknown_kid_total", "source", "other-token"):                  0,
		}
		var got map[string]float64
		stamp := labelled("keys_last_success_timestamp_seconds", "source", source)
		var last float64
		// The last is counted after the keys are in use.
		eventually(t, step, func() bool {
			got = b.metrics(keyMetrics...)
			last = got[stamp]
			delete(got, stamp)
			delete(got, labelled("keys_last_success_timestamp_seconds", "source", "other-token"))
			return cmp.Equal(want, got)
		})
		if age := time.Since(time.UnixMilli(int64(last * 1000))); age < 0 || age > patience {
			t.Errorf("%s: last success %v ago", step, age)
		}
	}
	check("start", 1, 1, 0, 0)
	idp.publish(t, "k2")
	b.expect("/", idp.sign(t, "k2", customerClaims()), "OK")
	check("rotation", 2, 2, 0, 1)
	idp.fail(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	idp.publish(t, "k3")
	b.expect("/", idp.sign(t, "k3", customerClaims()), "keys_pending")
	b.log.next(t, "refreshing keys failed")
	idp.fail(nil)
	eventually(t, "recovery", func() bool { return b.metric("keys_loaded") == 3 })
	if got := b.metric("keys_refresh_total", "result", "failure"); got == 0 {
		t.Error("no failure is counted")
	}
}

func TestDiscovery(t *testing.T) {
	data, other := newSpy(t, nil), newIssuer(t, "o1")
	idp, moved := newIssuer(t, "k1"), newIssuer(t, "k2")
	jwksURI, issuerName := make(chan string, 1), "https://idp.example.com"
	jwksURI <- idp.URL + "/keys"
	documents := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/realm/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		uri := <-jwksURI
		jwksURI <- uri
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuerName, "jwks_uri": uri})
	}))
	t.Cleanup(documents.Close)
	b := start(t, keysYAML, map[string]string{
		"DATA": data.URL, "OTHER": other.URL, "STATE": "",
		"KEYS": `discovery: { url: "` + documents.URL + `/realm/", issuer: "` + issuerName + `" }`,
	})
	b.log.next(t, "keys loaded")
	b.log.next(t, "keys loaded")
	old := idp.sign(t, "k1", customerClaims())
	b.expect("/", old, "OK")
	// The issuer of tokens is what the authenticator says, not the document.
	b.expect("/", idp.sign(t, "k1", with(customerClaims(), jwt.MapClaims{"iss": issuerName})), "wrong_issuer")
	b.expect("/", other.sign(t, "o1", customerClaims()), "unknown_key")

	<-jwksURI
	jwksURI <- moved.URL + "/keys"
	eventually(t, "the new jwks_uri", func() bool { return b.ask("/", moved.sign(t, "k2", customerClaims())) == "OK" })
	b.expect("/", old, "unknown_key") // in the cache, too
}

// certified returns a certificate in PEM as an identity provider publishes it.
func certified(t *testing.T, key crypto.Signer, until time.Duration) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(until)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestCertificates(t *testing.T) {
	data, other := newSpy(t, nil), newIssuer(t, "o1")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(map[string]string{"ended": certified(t, key, -time.Minute), "current": certified(t, key, time.Hour), "bad": "bad"})
	if err != nil {
		t.Fatal(err)
	}
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document) }))
	t.Cleanup(idp.Close)
	file := filepath.Join(t.TempDir(), "ended.pem")
	if err := os.WriteFile(file, []byte(certified(t, key, -time.Minute)), 0o600); err != nil {
		t.Fatal(err)
	}
	token := func(kid string) string { return signed(t, jwt.SigningMethodES256, kid, key, customerClaims()) }
	for name, test := range map[string]struct {
		keys string
		want map[string]string
	}{
		"x509_url":    {`x509_url: "` + idp.URL + `"`, map[string]string{"current": "OK", "ended": "bad_signature", "none": "unknown_key"}},
		"public_keys": {`public_keys: [{ id: ended, file: "` + file + `" }]`, map[string]string{"ended": "bad_signature", "none": "unknown_key"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, keysYAML, map[string]string{"DATA": data.URL, "OTHER": other.URL, "STATE": "", "KEYS": test.keys})
			eventually(t, "readiness", func() bool { return b.operate(b.admin, http.MethodGet, "/readyz").status == http.StatusOK })
			for kid, want := range test.want {
				b.expect("/", token(kid), want)
			}
		})
	}
}
