package main

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/config"
)

//go:embed testdata/e2e/revocations.yaml
var revocationsYAML string

// registry is a Postern with a list of revocations.
type registry struct {
	*testbed
	idp    *issuer
	oracle *oracle
	list   string // the file
}

func newRegistry(t *testing.T) *registry {
	dir := t.TempDir()
	r := &registry{idp: newIssuer(t, "k1", "k2"), oracle: newOracle(t), list: filepath.Join(dir, "revoked.json")}
	r.write(t, "[]")
	ring := "A: [{ id: of-a, value: " + secretOfA + " }]\nB: [{ id: of-b, value: " + secretOfB + " }]\n"
	if err := os.WriteFile(filepath.Join(dir, "ring.yaml"), []byte(ring), 0o600); err != nil {
		t.Fatal(err)
	}
	data := newSpy(t, nil)
	r.testbed = start(t, revocationsYAML, map[string]string{"DATA": data.URL, "DIR": dir, "IDP": r.idp.URL, "ORACLE": r.oracle.URL})
	r.log.next(t, "keys loaded")
	return r
}

func (r *registry) write(t testing.TB, list string) {
	t.Helper()
	if err := os.WriteFile(r.list, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
}

// revoke puts a list in force.
func (r *registry) revoke(t testing.TB, list string) {
	t.Helper()
	r.write(t, list)
	if err := r.app.reload(); err != nil {
		t.Fatal(err)
	}
}

// credential is one that verifies, and where it is asked for.
type credential struct {
	target string
	fields []string
}

// expect sends a credential; no reason means that it is let through.
func (r *registry) expect(t testing.TB, when string, c credential, reason string) {
	t.Helper()
	status := http.StatusOK
	if reason != "" {
		status = http.StatusUnauthorized
	}
	got := r.send(http.MethodGet, c.target, c.fields...)
	if got.status != status || got.header.Get("Postern-Reason") != reason {
		t.Errorf("%s: %s answered %d %s, want %d %s", when, c.target, got.status, got.header.Get("Postern-Reason"), status, reason)
	}
}

// Every kind of entry ends what it names, of every kind of credential, although
// that was verified and cached by an earlier generation, and nothing else; and
// what is taken off the list is accepted again.
func TestRevocation(t *testing.T) {
	r := newRegistry(t)
	issued := time.Now().Add(-time.Hour).Truncate(time.Second)
	claims := jwt.MapClaims{"iss": "idp", "aud": "chat", "jti": "t-1", "sub": "ann", "iat": issued.Unix(), "exp": fromNow(time.Hour)}
	secret := []byte("a-shared-secret-of-thirty-two-bytes")
	static := func(value string) credential {
		return credential{"/token", []string{"Authorization: Token " + value}}
	}
	shared := func(key []byte, changes jwt.MapClaims) credential {
		return credential{"/jwt", []string{"Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "", key, with(claims, changes))}}
	}
	provided := func(kid string, changes jwt.MapClaims) credential {
		return credential{"/provider", []string{"Authorization: Bearer " + r.idp.sign(t, kid, with(claims, changes))}}
	}
	tenant := func(name, key string, changes jwt.MapClaims) credential {
		return credential{"/tenants/" + name, []string{tenantToken(t, key, "", with(claims, changes))}}
	}
	webhook := func(key, user string) credential {
		at := fmt.Sprint(time.Now().Unix())
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(user + "|" + at))
		return credential{"/signature", []string{"X-User: " + user, "X-Time: " + at, "X-Signature: " + hex.EncodeToString(mac.Sum(nil))}}
	}
	opaque := func(token, answer string) credential {
		r.oracle.know(token, answer)
		return credential{"/introspection", []string{"Authorization: Bearer " + token}}
	}
	ann := opaque("opaque-ann", fmt.Sprintf(`{"active":true,"sub":"ann","aud":"chat","jti":"o-1","iat":%d}`, issued.Unix()))
	bob := opaque("opaque-bob", `{"active":true,"sub":"bob","aud":"chat"}`)
	r.oracle.know("session-of-ann", `{"id":"ann"}`)
	profile := credential{"/profile", []string{"Authorization: Bearer session-of-ann"}}
	app, otherApp := "an-hmac-secret-of-thirty-two-bytes-too", "another-hmac-secret-of-thirty-two-bytes"
	together := func(a, b credential) credential {
		return credential{"/group", append(append([]string{}, a.fields...), b.fields...)}
	}
	ids := jwt.MapClaims{"sub": map[string]any{"registered": "ann", "cookie": 4711}}
	before, after := issued.Format(time.RFC3339), issued.Add(time.Second).Format(time.RFC3339)
	future := time.Now().Add(time.Hour).Format(time.RFC3339)

	covered := map[string]bool{"mtls": true} // by TestCertificateIsWithdrawn, which has TLS
	for _, test := range []struct {
		kind, entry   string
		revoked, left []credential
	}{
		{"token", `{"key_id":"mobile"}`, []credential{static("token-of-mobile")}, []credential{static("token-of-kiosk")}},
		{"token", `{"customer_id":"app-user","issued_before":"1970-01-01"}`, []credential{static("token-of-mobile")}, []credential{static("token-of-kiosk")}},
		{"jwt", `{"jti":"t-1"}`,
			[]credential{shared(secret, nil), provided("k1", nil), tenant("A", secretOfA, nil)},
			[]credential{shared(secret, jwt.MapClaims{"jti": "t-2"}), shared(secret, jwt.MapClaims{"jti": nil}), shared(secret, jwt.MapClaims{"jti": "T-1"})}},
		{"jwt", `{"jti":"17"}`, []credential{shared(secret, jwt.MapClaims{"jti": 17})}, []credential{shared(secret, jwt.MapClaims{"jti": 170})}},
		{"jwt", `{"key_id":"2025"}`, []credential{shared([]byte("last-years-secret-of-thirty-two-bytes"), nil)}, []credential{shared(secret, nil)}},
		{"jwt", `{"key_id":"k1"}`, []credential{provided("k1", nil)}, []credential{provided("k2", nil)}},
		{"jwt", `{"key_id":"of-a"}`, []credential{tenant("A", secretOfA, nil)}, []credential{tenant("B", secretOfB, nil)}},
		{"jwt", `{"customer_id":"ann","issued_before":"` + after + `"}`,
			[]credential{shared(secret, nil), shared(secret, jwt.MapClaims{"iat": nil}), shared(secret, ids), tenant("A", secretOfA, nil)},
			[]credential{shared(secret, jwt.MapClaims{"sub": "bob"}), shared(secret, jwt.MapClaims{"iat": fromNow(0)}), provided("k1", nil)}},
		{"jwt", `{"customer_id":4711,"issued_before":"` + after + `"}`,
			[]credential{shared(secret, ids), shared(secret, jwt.MapClaims{"sub": 4711}), shared(secret, jwt.MapClaims{"sub": "4711"})},
			[]credential{shared(secret, nil)}},
		{"jwt", `{"customer_id":"ann","issued_before":"` + before + `"}`,
			[]credential{shared(secret, jwt.MapClaims{"iat": issued.Unix() - 1}), shared(secret, jwt.MapClaims{"iat": nil})},
			[]credential{shared(secret, nil)}},
		{"jwt", `{"customer_id":"ann","issued_before":"` + before + `"},{"customer_id":"ann","issued_before":"` + after + `"},{"customer_id":"ann","issued_before":"1999-01-01"}`,
			[]credential{shared(secret, nil)}, nil},
		{"jwt", `{"tenant":"A","issued_before":"` + after + `"}`,
			[]credential{tenant("A", secretOfA, nil), tenant("A", secretOfA, jwt.MapClaims{"iat": nil})},
			[]credential{tenant("A", secretOfA, jwt.MapClaims{"iat": fromNow(0)}), tenant("B", secretOfB, nil), shared(secret, nil)}},
		{"introspection", `{"jti":"o-1"}`, []credential{ann}, []credential{bob}},
		{"introspection", `{"customer_id":"ann","issued_before":"` + after + `"}`, []credential{ann, profile}, []credential{bob}},
		{"introspection", `{"customer_id":"ann","issued_before":"` + before + `"},{"customer_id":"bob","issued_before":"` + before + `"}`, []credential{bob}, []credential{ann}},
		{"profile", `{"customer_id":"ann","issued_before":"` + before + `"}`, []credential{profile}, []credential{ann}},
		{"signature", `{"key_id":"app"}`, []credential{webhook(app, "ann")}, []credential{webhook(otherApp, "ann")}},
		{"signature", `{"customer_id":"ann","issued_before":"` + future + `"}`, []credential{webhook(app, "ann")}, []credential{webhook(app, "bob")}},
		{"signature", `{"customer_id":"ann","issued_before":"` + after + `"}`, nil, []credential{webhook(app, "ann")}},
		{"signature", `{"key_id":"k2"}`, []credential{together(webhook(app, "ann"), provided("k2", nil))}, []credential{together(webhook(app, "ann"), provided("k1", nil))}},
	} {
		covered[test.kind] = true
		for round := range 2 { // the second time from the cache, where there is one
			for _, c := range append(test.revoked, test.left...) {
				r.expect(t, fmt.Sprint("before ", test.entry, ", round ", round), c, "")
			}
		}
		r.revoke(t, "["+test.entry+"]")
		for range 2 {
			for _, c := range test.revoked {
				r.expect(t, test.entry, c, "revoked")
			}
			for _, c := range test.left {
				r.expect(t, test.entry, c, "")
			}
		}
		r.revoke(t, "[]")
		for _, c := range test.revoked {
			r.expect(t, "after "+test.entry, c, "")
		}
	}
	for _, kind := range (&config.Authenticator{}).Kinds() {
		if !covered[kind] {
			t.Errorf("nothing of the type %s was revoked", kind)
		}
	}
}

// A list that cannot be read takes nothing off the one in force.
func TestRevocationsOutliveABrokenFile(t *testing.T) {
	r := newRegistry(t)
	r.revoke(t, `[{"key_id":"mobile"}]`)
	mobile := credential{"/token", []string{"Authorization: Token token-of-mobile"}}
	for what, list := range map[string]string{
		"nothing": "", "garbage": "{{{", "a mapping": "{}", "half": `[{"key_id":"ki`, "an unknown member": `[{"kid":"kiosk"}]`,
	} {
		r.write(t, list)
		if err := r.app.reload(); err == nil || !strings.Contains(err.Error(), "revoked.json:1:") {
			t.Errorf("%s: %v", what, err)
		}
		r.expect(t, what, mobile, "revoked")
	}
	if err := os.Remove(r.list); err != nil {
		t.Fatal(err)
	}
	if err := r.app.reload(); err == nil {
		t.Error("without the file, it reloaded")
	}
	r.expect(t, "without the file", mobile, "revoked")

	r.revoke(t, "- { key_id: kiosk } # now in YAML\n")
	r.expect(t, "once it is mended", mobile, "")
	// To name no list is to revoke nothing.
	r.configure(strings.Replace(revocationsYAML, "revocations: {", "# {", 1), map[string]string{
		"DATA": "http://127.0.0.1:1", "DIR": filepath.Dir(r.list), "IDP": r.idp.URL, "ORACLE": r.oracle.URL,
	})
	if err := r.app.reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.send(http.MethodGet, "/token", "Authorization: Token token-of-kiosk"); got.status != http.StatusBadGateway {
		t.Errorf("without a list: %+v", got)
	}
}
