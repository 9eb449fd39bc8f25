package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// tiledeskServer answers as the real one does where it believes the caller.
func tiledeskServer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer := map[string]any{"success": true}
	switch token := r.Header.Get("Authorization"); {
	case strings.HasPrefix(r.URL.Path, "/auth/signinWithCustomToken"):
		answer["token"], answer["user"] = token, map[string]any{"id": r.Header.Get("X-Customer-Id")}
	case strings.HasPrefix(r.URL.Path, "/auth/signinAnonymously"):
		answer["token"], answer["user"] = "JWT of a visitor", map[string]any{"firstname": "Guest"}
	default:
		answer = map[string]any{"sender": r.Header.Get("X-Customer-Id"), "status": 100}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// runNode runs one of the scripts beside Tiledesk's own packages.
func runNode(t *testing.T, script string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", append([]string{script}, arguments...)...)
	command.Dir = "testdata/npm-tiledesk"
	output, err := command.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%s: %v\n%s", script, err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

// Tiledesk's own client signs in with a custom token and sends a message.
func TestTiledeskClient(t *testing.T) {
	nodeModules(t, "testdata/npm-tiledesk")
	backend := newSpy(t, tiledeskServer)
	b := startTiledesk(t, backend.URL)
	request := strings.TrimSuffix(strings.TrimPrefix(messages, "/"+shopID+"/requests/"), "/messages")
	const hello = `{"text":"hello","type":"text"}`
	type told struct{ Method, Target, Body, Customer string }
	signIn := told{"POST", signInTarget, "", shopID + "_ada"}
	sent := told{"POST", messages, hello, shopID + "_ada"}

	refused := func(status int, answer any) any { return map[string]any{"status": float64(status), "refusal": answer} }
	token := hs256(t, shopSecret, shopCustomer(), nil)
	in := map[string]any{"result": map[string]any{"success": true, "token": "JWT " + token, "user": map[string]any{"id": shopID + "_ada"}}}
	missing := map[string]any{"success": false, "msg": "The token carries a claim or a value that is not allowed here."}
	mismatch := map[string]any{"success": false, "msg": "The request names somebody else than its credential does."}
	for _, test := range []struct {
		name, token, message string
		want                 map[string]any
		heard                []told
	}{
		{"a customer", token, hello,
			map[string]any{"signIn": in, "sent": map[string]any{"result": map[string]any{"sender": shopID + "_ada", "status": 100.0}}}, []told{signIn, sent}},
		{"a customer in another name", token, `{"sender":"agent-1","text":"hello"}`,
			map[string]any{"signIn": in, "sent": refused(403, mismatch)}, []told{signIn}},
		{"a customer who would be admin", hs256(t, shopSecret, shopCustomer(), jwt.MapClaims{"role": "admin"}), hello,
			map[string]any{"signIn": refused(401, "Unauthorized"), "sent": refused(401, missing)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got map[string]any
			if err := json.Unmarshal([]byte(runNode(t, "client.mjs", "http://"+b.address, shopID, test.token, request, test.message)), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			for _, want := range test.heard {
				r := backend.next(t)
				if diff := cmp.Diff(want, told{r.method, r.target, r.body, r.header.Get("X-Customer-Id")}); diff != "" {
					t.Error(diff)
				}
			}
			backend.expectNone(t)
		})
	}
}

func TestTiledeskClientAsVisitor(t *testing.T) {
	nodeModules(t, "testdata/npm-tiledesk")
	backend := newSpy(t, tiledeskServer)
	b := startTiledesk(t, backend.URL)
	const want = `{"result":{"success":true,"token":"JWT of a visitor","user":{"firstname":"Guest"}}}`
	if got := runNode(t, "guest.mjs", "http://"+b.address, shopID); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if r := backend.next(t); r.body != `{"id_project":"`+shopID+`"}` || r.header.Get("X-Auth-Level") != "anonymous" {
		t.Errorf("the backend got %+v", r)
	}
}

// The sample of the widget's document signs with jsonwebtoken; both backends
// that take its token are served.
func TestTiledeskDocumentSample(t *testing.T) {
	nodeModules(t, "testdata/npm-tiledesk")
	claims, err := json.Marshal(documentCustomer())
	if err != nil {
		t.Fatal(err)
	}
	token := "Authorization: JWT " + runNode(t, "sign.mjs", string(claims), shopSecret)

	backend := newSpy(t, nil)
	b := startTiledesk(t, backend.URL)
	if got := b.send(http.MethodPost, "/"+shopID+"/jwt/decode", token); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if got := backend.next(t).header.Get("X-Customer-Id"); got != "user-123" {
		t.Errorf("the customer is %q", got)
	}

	t.Setenv("WIDGET_SECRET", shopSecret)
	document := start(t, exampleText(t, tiledeskFolder+"/document.yaml",
		`server: { listen: "127.0.0.1:8080" }`+"\n"+`admin: { listen: "127.0.0.1:9180" }`, strings.TrimSpace(anyPort),
		"http://127.0.0.1:3000", backend.URL), nil)
	for _, test := range []struct {
		method, target, body string
		status               int
		reason               string
	}{
		{"POST", signInTarget, "", 200, ""},
		{"POST", messages, `{"text":"hi"}`, 200, ""},
		{"POST", messages, `{"sender":"user-123","text":"hi"}`, 200, ""},
		{"POST", messages, `{"sender":"user-456","text":"hi"}`, 403, "identity_mismatch"},
		{"GET", strings.ReplaceAll(messages, shopID, rivalID), "", 403, "identity_mismatch"},
	} {
		got := document.exchange(document.request(test.method, test.target, strings.NewReader(test.body), token, "Content-Type: application/json"))
		if got.status != test.status || got.header.Get("Postern-Reason") != test.reason {
			t.Errorf("%s %s %s: %+v", test.method, test.target, test.body, got)
		}
		if test.status != http.StatusOK {
			backend.expectNone(t)
			continue
		}
		want := http.Header{"X-Customer-Id": {"user-123"}, "X-Customer-Name": {"Ada"}, "X-Customer-Email": {"ada@example.com"}}
		if diff := cmp.Diff(want, told(backend.next(t))); diff != "" {
			t.Error(diff)
		}
	}
}
