package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const hardeningYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, body_timeout: 1s }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}", response_header_timeout: ${PATIENCE} } }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret }] }
  keyed: { type: token, header: X-Auth, scheme: Key, tokens: [{ id: k, value: key-secret }] }
  widget-token:
    type: jwt
    scheme: JWT
    keys: { secrets: [{ id: "${SECRET}", value: "${SECRET}-secret-of-at-least-thirty-two-bytes" }] }
    algorithms: [HS256]
    customer_id: claims.sub
identity_headers: { X-Level: "{level}" }
routes:
  - { name: public, match: /, upstream: data, authenticate: [anonymous] }
  - { name: host, match: admin.example/, upstream: data, authenticate: [token] }
  - { name: subtree, match: /admin/, upstream: data, authenticate: [token] }
  - { name: post, match: POST /m, upstream: data, authenticate: [token] }
  - { name: files, match: "/files/{name}", upstream: data, authenticate: [anonymous], allow_encoded_slash: true }
  - { name: file, match: "/files/admin/{x}", upstream: data, authenticate: [token] }
  - { name: visitor, match: /visitor, upstream: data, authenticate: [keyed, anonymous] }
  - { name: widget, match: /widget, upstream: data, authenticate: [widget-token] }
  - name: project
    match: /project
    upstream: data
    authenticate: [widget-token]
    consistency: [{ identity: claims.project, request: query.project }]
`

func hardened(t *testing.T, url string) *testbed {
	return start(t, hardeningYAML, map[string]string{"DATA": url, "PATIENCE": "30s", "SECRET": "a"})
}

// What one backend or another reads as a stricter route reaches no weaker one.
func TestNoWeakerReading(t *testing.T) {
	data := newSpy(t, nil)
	b := hardened(t, data.URL)
	token := "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, "a", []byte("a-secret-of-at-least-thirty-two-bytes"), jwt.MapClaims{"exp": fromNow(time.Hour), "sub": "ada", "project": ""})
	for _, test := range []struct {
		method, target string
		fields         []string
		reason         string
	}{
		{"GET", "/x", []string{"Host: admin.example:8080"}, "missing_credential"},
		{"GET", "/x", []string{"Host: ADMIN.example.:1"}, "missing_credential"},
		{"GET", "/x", []string{"Host: admin.example:x"}, "malformed_request"},
		{"GET", "/admin", nil, "ambiguous_path"},
		{"GET", "/ADMIN", nil, "ambiguous_path"},
		{"GET", "/%61dmin/x", nil, "ambiguous_path"},
		{"post", "/m", nil, "malformed_request"},
		{"trace", "/m", nil, "malformed_request"},
		{"GET", "/files/admin%2Fx", nil, "ambiguous_path"},
		{"GET", "/visitor", []string{"X-Auth: "}, "malformed_credential"},
		{"GET", "/visitor", []string{"X-Auth: Bearer key-secret"}, "missing_credential"},
		{"GET", "/project?project=", []string{token}, "missing_claim"},
	} {
		got := b.send(test.method, test.target, test.fields...)
		if got.header.Get("Postern-Reason") != test.reason {
			t.Errorf("%s %s %q: %d %s, want %s", test.method, test.target, test.fields, got.status, got.header.Get("Postern-Reason"), test.reason)
		}
	}
	data.expectNone(t)
	if got := b.send("GET", "/files/a%2Fx", "Content_Length: 7", "Content_Type: text/html", "Transfer_Encoding: chunked"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if got := alike(data.next(t).header, "Content-Length", "Content-Type", "Transfer-Encoding"); len(got) != 0 {
		t.Errorf("the backend was told %v", got)
	}
}

// A body where a backend expects none must not be left on a connection for the next
// request.
func TestUnexpectedBodyEndsTheConnection(t *testing.T) {
	closed := make(chan bool, 1)
	data := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { closed <- r.Close })
	b := start(t, backendsYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s", "HEADER_TIMEOUT": "30s"})
	for method, want := range map[string]bool{"GET": true, "DELETE": true, "OPTIONS": true, "FOO": true, "POST": false, "PUT": false, "PATCH": false} {
		b.exchange(b.request(method, "/x", strings.NewReader("GET /smuggled HTTP/1.1\r\n\r\n")))
		if got := await(t, method, closed); got != want {
			t.Errorf("%s: the connection is closed: %t", method, got)
		}
	}
}

// An upstream that takes its time to read is not the client's fault.
func TestSlowUpstreamIsNotTheClientsFault(t *testing.T) {
	release := make(chan struct{})
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-release
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(data.Close)
	b := hardened(t, data.URL)
	time.AfterFunc(1500*time.Millisecond, func() { close(release) }) // longer than body_timeout
	if got := b.exchange(b.request(http.MethodPost, "/x", strings.NewReader(strings.Repeat("x", 16<<20)))); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

// An upstream that reads nothing is given up, whatever it is sent.
func TestStalledUpstream(t *testing.T) {
	answered := make(chan struct{})
	address := newRogue(t, func(net.Conn) { <-answered })
	defer close(answered)
	b := start(t, hardeningYAML, map[string]string{"DATA": "http://" + address, "PATIENCE": "200ms", "SECRET": "a"})
	got := b.exchange(b.request(http.MethodPost, "/x", strings.NewReader(strings.Repeat("x", 32<<20))))
	expectRefusal(t, b, got, http.StatusGatewayTimeout, "upstream_timeout")
}

func TestInformationalAnswersAreNotPosterns(t *testing.T) {
	data := newSpy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Postern-Reason", "bad_signature")
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
	})
	b := hardened(t, data.URL)
	var hints []textproto.MIMEHeader
	r := b.request(http.MethodGet, "/x", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, header textproto.MIMEHeader) error {
			hints = append(hints, header)
			return nil
		},
	}))
	b.exchange(r)
	if len(hints) != 1 || hints[0].Get("Postern-Reason") != "" || hints[0].Get("Link") == "" {
		t.Errorf("hints %v", hints)
	}
}

// A secret that changes under traffic: nobody whose token still stands is
// refused, and the old token ends with its secret.
func TestReloadOfASecretUnderTraffic(t *testing.T) {
	data := newSpy(t, nil)
	values := func(secret string) map[string]string {
		return map[string]string{"DATA": data.URL, "PATIENCE": "30s", "SECRET": secret}
	}
	b := start(t, hardeningYAML, values("a"))
	token := func(secret string) string {
		return "Authorization: JWT " + signed(t, jwt.SigningMethodHS256, secret, []byte(secret+"-secret-of-at-least-thirty-two-bytes"), jwt.MapClaims{"exp": fromNow(time.Hour), "sub": "ada"})
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				b.send(http.MethodGet, "/widget", token("a"))
			}
		}
	}()
	for range 10 {
		for _, secret := range []string{"b", "a"} {
			b.configure(hardeningYAML, values(secret))
			if got := b.operate(b.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			other := map[string]string{"a": "b", "b": "a"}[secret]
			if now, before := b.send(http.MethodGet, "/widget", token(secret)), b.send(http.MethodGet, "/widget", token(other)); now.status != 200 || before.status != 401 {
				t.Errorf("with the secret %s: %d, with the one before: %d", secret, now.status, before.status)
			}
		}
	}
	close(stop)
	<-stopped
}

// A source whose settings change keeps its keys, also while its issuer is down.
func TestReloadKeepsRemoteKeys(t *testing.T) {
	b, values := shop(t)
	before := b.metrics("keys_loaded")
	b.configure(strings.Replace(reloadYAML, `jwks_url: "${IDP}"`, `jwks_url: "${IDP}", refresh: 6m`, 1), values("/before", "old-secret"))
	if got := b.operate(b.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if after := b.metrics("keys_loaded"); after[`keys_loaded{source="customer-token"}`] != 1 || before[`keys_loaded{source="customer-token"}`] != 1 {
		t.Errorf("before %v, after %v", before, after)
	}
	if got := b.operate(b.admin, http.MethodGet, "/readyz"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

// The series of a source end with it, whatever it was a source for.
func TestReloadForgetsSources(t *testing.T) {
	data := newSpy(t, nil)
	const yaml = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  ${NAME}: { type: signature, header: X-Signature, scheme: "", secrets: [{ id: s1, value: signature-secret-of-thirty-two-bytes }] }
routes: [{ match: /, upstream: data, authenticate: [${NAME}] }]
`
	b := start(t, yaml, map[string]string{"DATA": data.URL, "NAME": "hook"})
	b.configure(yaml, map[string]string{"DATA": data.URL, "NAME": "webhook"})
	if got := b.operate(b.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if diff := cmp.Diff(map[string]float64{`keys_loaded{source="webhook"}`: 1}, b.metrics("keys_loaded")); diff != "" {
		t.Error(diff)
	}
}

// A name that somebody's DNS leads to loopback is not the admin listener's.
func TestAdminListenerUnderAnotherName(t *testing.T) {
	data := newSpy(t, nil)
	b := hardened(t, data.URL)
	if got := b.operate(b.admin, http.MethodGet, "/metrics", "Host: evil.example"); got.status != http.StatusForbidden {
		t.Errorf("%+v", got)
	}
	if got := b.operate(b.admin, http.MethodGet, "/metrics", "Host: localhost:9180"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}
