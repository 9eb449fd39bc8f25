package main

import (
	_ "embed"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/carriers.yaml
var carriersYAML string

// arrived is what a backend is told of credentials and identities.
type arrived struct {
	Target string
	Header http.Header
}

// Credentials end at Postern wherever they stand, byte by byte, unless they are
// to be passed on.
func TestCarriersEndToEnd(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, carriersYAML, map[string]string{"DATA": data.URL})
	ada := widgetToken(t, jwt.MapClaims{"sub": "ada"})
	customer := http.Header{"X-Customer-Id": {"ada"}}
	none := http.Header{}
	for _, test := range []struct {
		target string
		fields []string
		want   arrived
	}{
		{"/link?b=%7e&token=" + ada + "&a=+1&&c", nil, arrived{"/link?b=%7e&a=+1&&c", customer}},
		{"/link?token=JWT%20" + ada, nil, arrived{"/link", customer}},
		{"/link?token=JWT+" + ada + "&debug=1", nil, arrived{"/link", customer}},
		{"/link", []string{"Authorization: jwt " + ada, "X-Debug: 1", "X_Debug: 1"}, arrived{"/link", customer}},
		{"/link", []string{"Sec-Websocket-Protocol: chat, bearer, " + ada}, arrived{"/link", http.Header{"X-Customer-Id": {"ada"}, "Sec-Websocket-Protocol": {"chat"}}}},
		{"/link", []string{"Sec-Websocket-Protocol: bearer, " + ada}, arrived{"/link", customer}},
		{"/link", []string{"X-Customer-Id: eve"}, arrived{"/link", none}},
		{"/session?token=x", []string{"Cookie: a=1; session=session-secret; b=%20"}, arrived{"/session", http.Header{"Cookie": {"a=1; session=session-secret; b=%20"}}}},
		{
			"/public?token=x&a&debug=1", []string{"Authorization: JWT x", "X-Project: x", "Cookie: z=1; session=x; trace=2; a=3", "Sec-Websocket-Protocol: bearer, x"},
			arrived{"/public?a", http.Header{"Cookie": {"z=1; a=3"}}},
		},
		{
			"/own?token=x&debug=1", []string{"Authorization: Basic YTpi", "X-Project: x", "Cookie: session=x", "X-Debug: 1"},
			arrived{"/own?token=x", http.Header{"Authorization": {"Basic YTpi"}, "X-Project": {"x"}, "Cookie": {"session=x"}}},
		},
		{"/group", []string{"X-Project: project-secret", "Authorization: JWT " + ada}, arrived{"/group", http.Header{"X-Customer-Id": {"ada"}, "X-Project-Name": {"acme"}}}},
		{"/group", []string{"X-Device: device-secret"}, arrived{"/group", none}},
		{"/either", []string{"Authorization: JWT opaque-secret"}, arrived{"/either", none}},
		{"/either", []string{"Authorization: JWT " + ada}, arrived{"/either", customer}},
	} {
		if got := b.send(http.MethodGet, test.target, test.fields...); got.status != http.StatusOK {
			t.Errorf("%.30s %.60q: %+v", test.target, test.fields, got)
			continue
		}
		got := data.next(t)
		header := alike(got.header, "Authorization", "Cookie", "Sec-Websocket-Protocol", "X-Project", "X-Device", "X-Debug", "X-Customer-Id", "X-Project-Name")
		if diff := cmp.Diff(test.want, arrived{got.target, header}); diff != "" {
			t.Errorf("%.30s %.60q (-want +got):\n%s", test.target, test.fields, diff)
		}
	}
}

func TestCarriersRefused(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, carriersYAML, map[string]string{"DATA": data.URL})
	ada := widgetToken(t, jwt.MapClaims{"sub": "ada"})
	late := widgetToken(t, jwt.MapClaims{"sub": "ada", "exp": fromNow(-time.Hour)})
	const session = "Cookie: session=session-secret"
	for _, test := range []struct {
		method, target string
		fields         []string
		reason         string
		authenticator  string // that the log names
	}{
		{"GET", "/link?token=" + late, nil, "token_expired", "link"},
		{"GET", "/link?token=", nil, "malformed_credential", "link"},
		{"GET", "/link?token=Bearer%20" + ada, nil, "malformed_credential", "link"},
		{"GET", "/link?token=" + ada + "&token=" + ada, nil, "malformed_request", "link"},
		{"GET", "/link?token=" + ada, []string{"Authorization: JWT " + ada}, "malformed_request", "link"},
		{"GET", "/link?TOKEN=" + ada, nil, "malformed_request", ""},
		{"GET", "/link", []string{"Sec-Websocket-Protocol: bearer"}, "malformed_credential", "link"},
		{"GET", "/link", []string{"Authorization: Bearer " + ada}, "missing_credential", ""},
		{"POST", "/session", []string{session, "Origin: https://evil.example"}, "origin_not_allowed", ""},
		{"GET", "/session", []string{session, "Origin: https://evil.example", "Connection: Upgrade", "Upgrade: websocket"}, "origin_not_allowed", ""},
		{"GET", "/session", []string{"Cookie: session=session-secret; Session=x"}, "malformed_request", ""},
		{"GET", "/session", []string{"Authorization: Bearer session-secret"}, "missing_credential", ""},
		{"GET", "/group", []string{"X-Project: project-secret"}, "missing_credential", "project+link"},
		{"GET", "/group", []string{"Authorization: JWT " + ada}, "missing_credential", "project+link"},
		{"GET", "/group", []string{"X-Project: project-secret", "Authorization: JWT " + late}, "token_expired", "project+link"},
		{"GET", "/group", []string{"X-Project: project-secret", "Authorization: JWT " + ada, "X-Device: device-secret"}, "malformed_request", "project+link"},
		{"GET", "/either", []string{"Authorization: JWT wrong"}, "unknown_token", "opaque"},
		{"GET", "/either", []string{"Authorization: JWT " + late}, "token_expired", "link"},
	} {
		got := b.send(test.method, test.target, test.fields...)
		if reason := got.header.Get("Postern-Reason"); reason != test.reason || strings.Contains(got.body, ada) {
			t.Errorf("%s %.30s %.60q: %s, want %s", test.method, test.target, test.fields, reason, test.reason)
		}
		if logged := b.log.next(t, "request"); logged["reason"] != test.reason || logged["authenticator"] != test.authenticator {
			t.Errorf("%s %.30s: logged %v, want %s by %q", test.method, test.target, logged, test.reason, test.authenticator)
		}
	}
	data.expectNone(t)
	for _, fields := range [][]string{{session, "Origin: https://shop.example"}, {session}} {
		if got := b.send(http.MethodPost, "/session", fields...); got.status != http.StatusOK {
			t.Errorf("%q: %+v", fields, got)
		}
	}
}

func TestCredentialInBody(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, carriersYAML, map[string]string{"DATA": data.URL})
	for body, reason := range map[string]string{
		`{"auth":{"token":"inside-secret"},"a":1}`: "",
		`{}`:                                   "",
		``:                                     "",
		`{"auth":{"token":""}}`:                "malformed_credential",
		`{"auth":{"token":["inside-secret"]}}`: "malformed_credential",
		`{"auth":{"token":"wrong"}}`:           "unknown_token",
		`{"auth":{"token":"inside-secret","TOKEN":""}}`: "malformed_body",
		`{"auth":"inside-secret"}`:                      "malformed_body",
		`auth=1`:                                        "malformed_body",
		`{"a":"` + strings.Repeat("a", 1<<10) + `"}`:    "body_too_large",
	} {
		got := b.exchange(b.request(http.MethodPost, "/inside", strings.NewReader(body), "Content-Type: application/json"))
		if got.header.Get("Postern-Reason") != reason || strings.Contains(got.body, "inside-secret") {
			t.Errorf("%.60s: %+v, want %s", body, got, reason)
		}
		if reason == "" {
			if received := data.next(t); received.body != body {
				t.Errorf("the backend received %q, sent %q", received.body, body)
			}
		}
	}
	data.expectNone(t)
}

// The members of a group are counted as a group, and their secrets each as its
// own authenticator's: an old one that is still in use must be seen to be.
func TestGroupIsCounted(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, carriersYAML, map[string]string{"DATA": data.URL})
	if got := b.send(http.MethodGet, "/group", "X-Project: project-secret", "Authorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if logged := b.log.next(t, "request"); logged["authenticator"] != "project+link" {
		t.Errorf("logged %v", logged)
	}
	want := map[string]float64{
		`decisions_total{authenticator="project+link",decision="allow",reason="none",route="group"}`: 1,
		`secret_used_total{authenticator="link",id="2026-11"}`:                                       1,
		`secret_used_total{authenticator="project",id="mobile-2026"}`:                                1,
	}
	if diff := cmp.Diff(want, b.metrics("decisions_total", "secret_used_total")); diff != "" {
		t.Error(diff)
	}
}
