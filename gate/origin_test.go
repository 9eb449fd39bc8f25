package gate_test

import (
	"testing"

	"postern/authn"
	"postern/policy"
)

func TestOrigins(t *testing.T) {
	guarded, closed := route(t, "/guarded", []string{"cookie"}), route(t, "/closed", []string{"cookie"})
	guarded.Origins, closed.Origins = []string{"https://shop.example", "http://localhost:3000"}, []string{}
	g := compile(t, []policy.RouteSettings{guarded, closed, route(t, "/open", []string{"cookie"})}, nil,
		map[string]authn.Authenticator{"cookie": static(t, "cookie", nil, authn.FromSettings{Cookie: "session"})})
	const (
		session = "Cookie: session=cookie-secret"
		upgrade = "Upgrade: websocket"
		refused = policy.OriginNotAllowed
		allow   = policy.ReasonNone
	)
	for _, test := range []struct {
		line   string
		header []string
		want   policy.Reason
	}{
		{"POST /guarded", []string{session, "Origin: https://shop.example"}, allow},
		{"POST /guarded", []string{session, "Origin: HTTPS://Shop.example"}, refused},
		{"POST /guarded", []string{session, "Origin: http://localhost:3000"}, allow},
		{"POST /guarded", []string{session}, allow}, // no browser
		{"POST /guarded", []string{session, "Origin: https://evil.example"}, refused},
		{"POST /guarded", []string{session, "Origin: https://shop.example.evil.example"}, refused},
		{"POST /guarded", []string{session, "Origin: https://shop.example:8443"}, refused},
		{"POST /guarded", []string{session, "Origin: http://shop.example"}, refused},
		{"POST /guarded", []string{session, "Origin: https://shop.example/"}, refused},
		{"POST /guarded", []string{session, "Origin: null"}, refused},
		{"POST /guarded", []string{session, "Origin:"}, refused},
		{"POST /guarded", []string{session, "Origin: https://shop.example", "Origin: https://shop.example"}, refused},
		{"POST /guarded", []string{session, "Origin: https://shop.example, https://evil.example"}, refused},
		{"PUT /guarded", []string{session, "Origin: https://evil.example"}, refused},
		{"DELETE /guarded", []string{session, "Origin: https://evil.example"}, refused},
		{"OPTIONS /guarded", []string{session, "Origin: https://evil.example"}, refused},
		{"BREW /guarded", []string{session, "Origin: https://evil.example"}, refused},
		{"GET /guarded", []string{session, "Origin: https://evil.example"}, allow},
		{"HEAD /guarded", []string{session, "Origin: https://evil.example"}, allow},
		{"GET /guarded", []string{session, "Connection: upgrade", upgrade, "Origin: https://evil.example"}, refused},
		{"GET /guarded", []string{session, "Connection: upgrade", "Upgrade: WebSocket", "Origin: null"}, refused},
		{"GET /guarded", []string{session, "Connection: upgrade", upgrade, "Origin: https://shop.example"}, allow},
		{"GET /guarded", []string{session, "Connection: upgrade", upgrade}, allow},
		// Before any credential is looked at.
		{"POST /guarded", []string{"Origin: https://evil.example"}, refused},
		{"POST /guarded", []string{"Cookie: session=wrong", "Origin: https://shop.example"}, policy.UnknownToken},
		{"POST /closed", []string{session, "Origin: https://shop.example"}, refused},
		{"POST /closed", []string{session}, allow},
		{"POST /open", []string{session, "Origin: https://evil.example"}, allow},
	} {
		if got := verdictOf(decide(t, g, test.line, test.header...)).Reason; got != test.want {
			t.Errorf("%s %q: %v, want %v", test.line, test.header, got, test.want)
		}
	}
}
