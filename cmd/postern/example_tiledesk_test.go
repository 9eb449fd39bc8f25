package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const (
	tiledeskFolder = "../../examples/tiledesk"
	globalSecret   = "0d4b8c1e-5f73-4a60-9c0e-7e21a6b3d955"

	shopID, shopSecret   = "6602f0a1b4c5d6e7f8091a2b", "3f6c1f0e-8a55-4a0e-9d0c-2f1b7c9e4d11"
	rivalID, rivalSecret = "7713a1b2c5d6e7f8091a2b3c", "b91d7e42-0c3b-4f6a-8e57-64a2d0f3c822"

	messages = "/" + shopID + "/requests/support-group-" + shopID + "-1f0e/messages"
)

// startTiledesk runs the example in front of a backend.
func startTiledesk(t *testing.T, backend string) *testbed {
	t.Helper()
	t.Setenv("GLOBAL_SECRET", globalSecret)
	ring, err := filepath.Abs(tiledeskFolder + "/projects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := exampleText(t, tiledeskFolder+"/postern.yaml",
		`server: { listen: "127.0.0.1:8080" }`+"\n"+`admin: { listen: "127.0.0.1:9180" }`, strings.TrimSpace(anyPort),
		"http://127.0.0.1:3000", backend)
	return start(t, strings.ReplaceAll(text, "projects.yaml", ring), nil)
}

// hs256 signs as everything around Tiledesk does.
func hs256(t testing.TB, secret string, claims, changes jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, "", []byte(secret), with(claims, changes))
}

// shopCustomer are the claims that the server's documents sign, without exp.
func shopCustomer() jwt.MapClaims {
	return jwt.MapClaims{"_id": shopID + "_ada", "sub": "userexternal", "aud": "https://tiledesk.com/projects/" + shopID,
		"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.com", "attributes": map[string]any{"tier": 1}}
}

// globalUser are the claims of tokens that the server itself signs.
func globalUser(sub string) jwt.MapClaims {
	return jwt.MapClaims{"_id": sub + "-7", "sub": sub, "iss": "https://tiledesk.com", "aud": "https://tiledesk.com", "jti": "9d2c"}
}

// documentCustomer are the claims that the document of the widget wants.
func documentCustomer() jwt.MapClaims {
	return jwt.MapClaims{"name": "Ada", "email": "ada@example.com", "external_id": "user-123", "iat": fromNow(0), "exp": fromNow(5 * time.Minute)}
}

// told is what a backend must hear beside the request itself.
func told(r received) http.Header {
	h := http.Header{}
	for name, values := range r.header {
		if name == "Authorization" || strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "X-Forwarded-") && name != "X-Request-Id" {
			h[name] = values
		}
	}
	return h
}

func TestTiledeskRequests(t *testing.T) {
	backend := newSpy(t, nil)
	b := startTiledesk(t, backend.URL)
	customer, guest := hs256(t, shopSecret, shopCustomer(), nil), hs256(t, globalSecret, globalUser("guest"), nil)
	agent, document := hs256(t, globalSecret, globalUser("user"), nil), hs256(t, shopSecret, documentCustomer(), nil)
	asCustomer := func(authorization string) http.Header {
		h := http.Header{"X-Auth-Level": {"customer"}, "X-Customer-Id": {shopID + "_ada"}, "X-Project-Id": {shopID}}
		if authorization != "" {
			h["Authorization"] = []string{authorization}
		}
		return h
	}
	asGuest := http.Header{"Authorization": {"JWT " + guest}, "X-Auth-Level": {"application"}}
	asAgent := http.Header{"X-Auth-Level": {"application"}, "X-Agent-Id": {"user-7"}}
	const jsonType = "Content-Type: application/json"

	for _, test := range []struct {
		name, method, target string
		fields               []string
		body                 string
		want                 http.Header
	}{
		{"sign-in of the widget, null body", "POST", "/auth/signinWithCustomToken",
			[]string{"Content-Type: application/json", "Authorization: JWT " + customer}, "", asCustomer("JWT " + customer)},
		{"scheme in lower case", "POST", "/auth/signinWithCustomToken", []string{"Authorization: jwt " + customer}, "", asCustomer("jwt " + customer)},
		{"scheme in mixed case", "POST", "/auth/signinWithCustomToken", []string{"Authorization: Jwt " + customer}, "", asCustomer("Jwt " + customer)},
		{"sign-in that names its project", "POST", "/auth/signinWithCustomToken", []string{jsonType, "Authorization: JWT " + customer},
			`{"id_project":"` + shopID + `"}`, asCustomer("JWT " + customer)},
		{"sign-in as a visitor", "POST", "/auth/signinAnonymously", []string{jsonType}, `{"id_project":"` + shopID + `"}`, http.Header{"X-Auth-Level": {"anonymous"}}},
		{"chat token", "POST", "/chat21/native/auth/createCustomToken", []string{jsonType, "Authorization: JWT " + customer}, `{}`, asCustomer("JWT " + customer)},
		{"chat token of a visitor", "POST", "/chat21/native/auth/createCustomToken", []string{jsonType, "Authorization: JWT " + guest}, `{}`, asGuest},
		{"message", "POST", messages, []string{jsonType, "Authorization: JWT " + customer}, `{"text":"hi"}`, asCustomer("JWT " + customer)},
		{"message with its sender", "POST", messages, []string{jsonType, "Authorization: JWT " + customer},
			`{"sender":"` + shopID + `_ada","senderFullname":"Ada","email":"ada@example.com","text":"hi"}`, asCustomer("JWT " + customer)},
		{"message of a visitor", "POST", messages, []string{jsonType, "Authorization: JWT " + guest}, `{"sender":"guest-7","text":"hi"}`, asGuest},
		{"messages", "GET", messages, []string{"Authorization: JWT " + customer}, "", asCustomer("JWT " + customer)},
		{"messages, token in the query", "GET", messages + "?secret_token=" + customer, nil, "", asCustomer("")},
		{"event", "POST", "/" + shopID + "/events", []string{jsonType, "Authorization: JWT " + customer}, `{"name":"opened"}`, asCustomer("JWT " + customer)},
		{"document's token", "POST", "/" + shopID + "/jwt/decode", []string{"Authorization: JWT " + document}, "",
			http.Header{"Authorization": {"JWT " + document}, "X-Auth-Level": {"customer"}, "X-Customer-Id": {"user-123"}, "X-Project-Id": {shopID}}},
		{"websocket's token with its scheme", "GET", "/?token=JWT%20" + agent, nil, "", asAgent},
		{"websocket's token alone", "GET", "/?token=" + agent, nil, "", asAgent},
	} {
		t.Run(test.name, func(t *testing.T) {
			fields := append([]string{"X-Customer-Id: root", "x_project_id: " + rivalID, "X-Agent-Id: root"}, test.fields...)
			got := b.exchange(b.request(test.method, test.target, strings.NewReader(test.body), fields...))
			if got.status != http.StatusOK {
				t.Fatalf("%d %s %s", got.status, got.header.Get("Postern-Reason"), got.body)
			}
			r := backend.next(t)
			if r.method != test.method || r.target != test.target || r.body != test.body {
				t.Errorf("the backend got %s %s %q", r.method, r.target, r.body)
			}
			if diff := cmp.Diff(test.want, told(r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Agents prove themselves to the server, on a listener of their own: under no
// Host does the customers' one let anything through.
func TestTiledeskAgents(t *testing.T) {
	backend := newSpy(t, nil)
	text := exampleText(t, tiledeskFolder+"/agents.yaml",
		`server: { listen: "127.0.0.1:8081" }`+"\n"+`admin: { listen: "127.0.0.1:9181" }`, strings.TrimSpace(anyPort),
		"http://127.0.0.1:3000", backend.URL)
	agents := start(t, text, nil)
	token := "JWT " + hs256(t, globalSecret, globalUser("user"), nil)
	for _, authorization := range []string{"Basic YTpi", token} {
		got := agents.send(http.MethodPut, "/"+shopID+"/requests/r/close", "Authorization: "+authorization, "X-Customer-Id: root", "x_project_id: "+rivalID)
		if got.status != http.StatusOK {
			t.Fatalf("%+v", got)
		}
		if diff := cmp.Diff(http.Header{"Authorization": {authorization}, "X-Auth-Level": {"anonymous"}}, told(backend.next(t))); diff != "" {
			t.Error(diff)
		}
	}
	customers := startTiledesk(t, backend.URL)
	for _, host := range []string{"127.0.0.1:8081", "agents.example.com", "localhost"} {
		if got := customers.send(http.MethodPut, "/"+shopID+"/requests/r/close", "Host: "+host, "Authorization: "+token); got.status != http.StatusNotFound {
			t.Errorf("%s: %+v", host, got)
		}
	}
	backend.expectNone(t)
}

// The widget asks from the shop's page, whose browser asks first.
func TestTiledeskPreflight(t *testing.T) {
	backend := newSpy(t, nil)
	b := startTiledesk(t, backend.URL)
	for origin, want := range map[string]string{"https://shop.example.com": "https://shop.example.com", "https://evil.example": ""} {
		got := b.send(http.MethodOptions, messages, "Origin: "+origin,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type")
		if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != want {
			t.Errorf("%s: allowed %q, want %q", origin, allowed, want)
		}
		denied := b.send(http.MethodPost, messages, "Origin: "+origin)
		if allowed := denied.header.Get("Access-Control-Allow-Origin"); denied.status != http.StatusUnauthorized || allowed != want {
			t.Errorf("%s: denied %d for %q, want 401 for %q", origin, denied.status, allowed, want)
		}
	}
	backend.expectNone(t)
}
