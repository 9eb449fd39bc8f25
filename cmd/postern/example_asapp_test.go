package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const (
	asappFolder       = "../../examples/asapp"
	asappConversation = "/conversation/v1/conversations/01HNE48VMKNZ0B0SG3CEFV24WM"
	asappID           = "7d1f0c9a2be84f55" // opaque: what a company makes of an account
)

// asapp is the example in front of a recording backend, and the company's key.
type asapp struct {
	*testbed
	backend *spy
	company *oracle // its UserProfile
	key     *rsa.PrivateKey
}

func startASAPP(t *testing.T) *asapp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "customer.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	backend := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/authenticate") {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	company := newOracle(t)
	return &asapp{runASAPP(t, backend.URL, company.URL, file), backend, company, key}
}

// runASAPP runs the example with the company's profile API and its public key.
func runASAPP(t *testing.T, backend, company, key string) *testbed {
	t.Helper()
	t.Setenv("ASAPP_API_SECRET", "secret-of-crm")
	t.Setenv("ASAPP_IVR_SECRET", "secret-of-ivr")
	text := exampleText(t, asappFolder+"/postern.yaml",
		`server: { listen: "127.0.0.1:8080" }`+"\n"+`admin: { listen: "127.0.0.1:9180" }`, strings.TrimSpace(anyPort),
		"http://127.0.0.1:4000/userprofile", company+"/userprofile",
		"http://127.0.0.1:3000", backend, "http://127.0.0.1:4000", backend)
	return start(t, strings.ReplaceAll(text, "customer.crt", key), nil)
}

// token signs as the company does; nil changes remove claims. The company's
// profile agrees with it.
func (a *asapp) token(changes jwt.MapClaims) string {
	claims := jwt.MapClaims{"iss": "https://id.company.example", "aud": "asapp", "sub": asappID, "exp": fromNow(time.Hour)}
	claims = with(claims, changes)
	token := signed(a.t, jwt.SigningMethodRS256, "2026", a.key, claims)
	if sub, ok := claims["sub"].(string); ok {
		a.company.know(token, `{"customerIdentifier":"`+sub+`"}`)
	}
	return token
}

// asCRM are the headers that a server sends on every call to ASAPP.
func asCRM(more ...string) []string {
	return append([]string{"asapp-api-id: crm", "asapp-api-secret: secret-of-crm", "Content-Type: application/json"}, more...)
}

func (a *asapp) post(target, body string, fields ...string) answer {
	a.t.Helper()
	return a.exchange(a.request(http.MethodPost, target, strings.NewReader(body), fields...))
}

// asappTold is what the backend hears of who calls.
type asappTold struct{ level, customer, apiID, apiSecret, authorization string }

func heardByASAPP(r received) asappTold {
	h := r.header
	return asappTold{h.Get("X-Auth-Level"), h.Get("X-Customer-Id"), h.Get("Asapp-Api-Id"), h.Get("Asapp-Api-Secret"), h.Get("Authorization")}
}

func TestASAPPRequests(t *testing.T) {
	a := startASAPP(t)
	token := a.token(nil)
	customer := asappTold{"customer", asappID, "crm", "secret-of-crm", ""}
	server := asappTold{level: "application", apiID: "crm", apiSecret: "secret-of-crm"}
	authenticate := asappConversation + "/authenticate"
	for _, test := range []struct {
		name, method, target string
		fields               []string
		body                 string
		status               int
		want                 asappTold
	}{
		{"authenticate, as the schema has it", "POST", authenticate, asCRM(),
			`{"customerExternalId":"` + asappID + `","auth":{"token":"` + token + `"},"streamId":"s-1"}`, 204, customer},
		{"authenticate, as its example has it", "POST", authenticate, asCRM(),
			`{"customerExternalId":"` + asappID + `","auth":{"cookies":{"session":"x"}},"token":"` + token + `"}`, 204, customer},
		{"authenticate with the context's headers", "POST", authenticate, asCRM(),
			`{"customerExternalId":"` + asappID + `","auth":{"headers":{"Authorization":"Bearer ` + token + `"}}}`, 204, customer},
		{"create a conversation", "POST", "/conversation/v1/conversations", asCRM(),
			`{"externalId":"c-1","customer":{"externalId":"` + asappID + `"},"timestamp":"2026-11-22T00:00:00Z"}`, 200, server},
		{"state", "GET", "/generativeagent/v1/state?conversationId=1", asCRM(), "", 200, server},
		{"the company's API", "GET", "/company/bills", []string{"Authorization: Bearer " + token, "X-Customer-Identifier: " + asappID}, "", 200,
			asappTold{level: "customer", customer: asappID}},
		{"the company's API, nobody named", "GET", "/company/bills", []string{"Authorization: bearer " + token}, "", 200,
			asappTold{level: "customer", customer: asappID}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fields := append([]string{"X-Customer-Id: root", "X-Auth-Level: customer"}, test.fields...)
			got := a.exchange(a.request(test.method, test.target, strings.NewReader(test.body), fields...))
			if got.status != test.status || got.body != "" {
				t.Fatalf("%d %s", got.status, got.body)
			}
			r := a.backend.next(t)
			if r.method != test.method || r.target != test.target || r.body != test.body {
				t.Errorf("the backend got %s %s %q", r.method, r.target, r.body)
			}
			if diff := cmp.Diff(test.want, heardByASAPP(r), cmp.AllowUnexported(asappTold{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASAPPAttacks(t *testing.T) {
	a := startASAPP(t)
	token := a.token(nil)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	authenticate := func(auth string) string { return `{"customerExternalId":"` + asappID + `","auth":` + auth + `}` }
	holding := func(token string) string { return authenticate(`{"token":"` + token + `"}`) }
	claims := jwt.MapClaims{"iss": "https://id.company.example", "aud": "asapp", "sub": asappID, "exp": fromNow(time.Hour)}
	public, err := x509.MarshalPKIXPublicKey(&a.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	confused := signed(t, jwt.SigningMethodHS256, "2026", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), claims)

	for _, test := range []struct {
		name   string
		fields []string
		body   string
		status int
		reason string
	}{
		{"no secret", []string{"asapp-api-id: crm", "Content-Type: application/json"}, holding(token), 401, "missing_credential"},
		{"wrong secret", []string{"asapp-api-id: crm", "asapp-api-secret: guessed", "Content-Type: application/json"}, holding(token), 401, "unknown_token"},
		{"secret of another server", []string{"asapp-api-id: crm", "asapp-api-secret: secret-of-ivr", "Content-Type: application/json"}, holding(token), 403, "identity_mismatch"},
		{"no id", []string{"asapp-api-secret: secret-of-crm", "Content-Type: application/json"}, holding(token), 403, "identity_missing"},
		{"two ids", asCRM("asapp-api-id: ivr"), holding(token), 403, "identity_mismatch"},
		{"another spelling of the id", asCRM("asapp_api_id: ivr"), holding(token), 400, "malformed_request"},
		{"two secrets", asCRM("asapp-api-secret: secret-of-crm"), holding(token), 400, "malformed_request"},

		{"no token", asCRM(), authenticate(`{"cookies":{"session":"x"}}`), 401, "missing_credential"},
		{"token null", asCRM(), authenticate(`{"token":null}`), 401, "missing_credential"},
		{"token empty", asCRM(), authenticate(`{"token":""}`), 401, "malformed_credential"},
		{"token that is no text", asCRM(), authenticate(`{"token":{"value":"x"}}`), 401, "malformed_credential"},
		{"token in the header alone", asCRM("Authorization: Bearer " + token), authenticate(`{"body":{}}`), 401, "missing_credential"},
		{"token in two places", asCRM(), `{"customerExternalId":"` + asappID + `","auth":{"token":"` + token + `"},"token":"` + token + `"}`, 400, "malformed_request"},
		{"keys as the SDKs spell them", asCRM(), `{"customerExternalId":"` + asappID + `","Auth":{"Token":"` + token + `"}}`, 400, "malformed_body"},
		{"two tokens under one key", asCRM(), authenticate(`{"token":"` + token + `","token":"x"}`), 400, "malformed_body"},
		{"not JSON", []string{"asapp-api-id: crm", "asapp-api-secret: secret-of-crm", "Content-Type: text/plain"}, holding(token), 400, "malformed_body"},

		{"another customer", asCRM(), strings.Replace(holding(token), asappID, "ffffffffffffffff", 1), 403, "identity_mismatch"},
		{"an e-mail address in place of the id", asCRM(), strings.Replace(holding(token), asappID, "ada@example.com", 1), 403, "identity_mismatch"},
		{"nobody", asCRM(), `{"auth":{"token":"` + token + `"}}`, 403, "identity_missing"},
		{"customer null", asCRM(), `{"customerExternalId":null,"auth":{"token":"` + token + `"}}`, 403, "identity_missing"},
		{"two customers", asCRM(), `{"customerExternalId":"eve",` + holding(token)[1:], 400, "malformed_body"},

		{"expired", asCRM(), holding(a.token(jwt.MapClaims{"exp": fromNow(-time.Hour)})), 401, "token_expired"},
		{"without end", asCRM(), holding(a.token(jwt.MapClaims{"exp": nil})), 401, "missing_claim"},
		{"another issuer", asCRM(), holding(a.token(jwt.MapClaims{"iss": "https://evil.example"})), 401, "wrong_issuer"},
		{"for somebody else", asCRM(), holding(a.token(jwt.MapClaims{"aud": "billing"})), 401, "wrong_audience"},
		{"without a customer", asCRM(), holding(a.token(jwt.MapClaims{"sub": nil})), 401, "missing_claim"},
		{"alg none", asCRM(), holding(signed(t, jwt.SigningMethodNone, "2026", jwt.UnsafeAllowNoneSignatureType, claims)), 401, "algorithm_not_allowed"},
		{"HMAC with the public key", asCRM(), holding(confused), 401, "algorithm_not_allowed"},
		{"another key", asCRM(), holding(signed(t, jwt.SigningMethodRS256, "2026", stranger, claims)), 401, "bad_signature"},
		{"unknown kid", asCRM(), holding(signed(t, jwt.SigningMethodRS256, "2027", stranger, claims)), 401, "unknown_key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a.expectEnvelope(t, a.post(asappConversation+"/authenticate", test.body, test.fields...), test.status, test.reason)
		})
	}

	t.Run("the company's API in another name", func(t *testing.T) {
		got := a.send(http.MethodGet, "/company/bills", "Authorization: Bearer "+token, "X-Customer-Identifier: eve")
		a.expectEnvelope(t, got, 403, "identity_mismatch")
	})
	t.Run("a server's call with a customer's token alone", func(t *testing.T) {
		got := a.post("/conversation/v1/conversations", `{}`, "Authorization: Bearer "+token, "asapp-api-id: crm")
		a.expectEnvelope(t, got, 401, "missing_credential")
	})
	t.Run("another path", func(t *testing.T) {
		a.expectEnvelope(t, a.post(asappConversation+"/delete", `{}`, asCRM()...), 404, "no_route")
	})
}

// TestASAPPProfiles: the token's payload, the call and the company's UserProfile
// must name the same customer.
func TestASAPPProfiles(t *testing.T) {
	a := startASAPP(t)
	tokens := 0
	for _, test := range []struct {
		name, sub, named, profile string
		fault                     int // of the company's API
		status                    int
		reason                    string
		asked                     int
	}{
		{"all three agree", asappID, asappID, `{"customerIdentifier":"` + asappID + `","tier":1}`, 0, 204, "", 1},
		{"the profile is another's", asappID, asappID, `{"customerIdentifier":"ffffffffffffffff"}`, 0, 403, "identity_mismatch", 1},
		{"the call names another", asappID, "ffffffffffffffff", `{"customerIdentifier":"ffffffffffffffff"}`, 0, 403, "identity_mismatch", 0},
		{"the profile names nobody", asappID, asappID, `{"tier":1}`, 0, 403, "identity_missing", 1},
		{"two identifiers", asappID, asappID, `{"customerIdentifier":"` + asappID + `","customerIdentifier":"x"}`, 0, 503, "profile_unavailable", 1},
		{"no customer any more", asappID, asappID, "", http.StatusForbidden, 401, "inactive_token", 1},
		{"the API is down", asappID, asappID, "", http.StatusBadGateway, 503, "profile_unavailable", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			tokens++
			token := a.token(jwt.MapClaims{"sub": test.sub, "jti": tokens})
			a.company.know(token, test.profile)
			a.company.fail(test.fault)
			got := a.post(asappConversation+"/authenticate", `{"customerExternalId":"`+test.named+`","auth":{"token":"`+token+`"}}`, asCRM()...)
			if asked := a.company.questions(); len(asked) != test.asked {
				t.Errorf("the company was asked %q, want %d times", asked, test.asked)
			}
			if test.status == http.StatusNoContent {
				if a.backend.next(t); got.status != test.status {
					t.Errorf("status %d", got.status)
				}
				a.log.next(t, "request")
				return
			}
			a.expectEnvelope(t, got, test.status, test.reason)
		})
	}
}

// expectEnvelope wants a refusal as ASAPP words its own.
func (a *asapp) expectEnvelope(t *testing.T, got answer, status int, reason string) {
	t.Helper()
	var body struct {
		Error struct{ RequestID, Code, Message string }
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if got.status != status || got.header.Get("Postern-Reason") != reason {
		t.Errorf("%d %s, want %d %s", got.status, got.header.Get("Postern-Reason"), status, reason)
	}
	e := body.Error
	if e.Code != fmt.Sprintf("%d-01", status) || e.Message == "" || e.RequestID != a.log.next(t, "request")["request_id"] || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s", got.header, got.body)
	}
	a.backend.expectNone(t)
}
