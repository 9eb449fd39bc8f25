package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/net/http2"
)

// dial opens a connection of which each byte is written by hand.
func (s *soak) dial() net.Conn {
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		panic(err)
	}
	if s.secure == nil {
		return connection
	}
	return tls.Client(connection, s.secure)
}

// ask makes a request by one of the clients, in HTTP/1.1 or HTTP/2.
func (s *soak) ask(ctx context.Context, client *http.Client, method, target, body string, fields ...string) (*http.Response, error) {
	r := s.request(method, target, strings.NewReader(body), fields...)
	r.URL.Scheme = s.scheme()
	return client.Do(r.WithContext(ctx))
}

func (s *soak) scheme() string {
	if s.secure != nil {
		return "https"
	}
	return "http"
}

// verdict sends a request and returns the status and the reason; an answer that
// breaks off is "broken".
func (s *soak) verdict(method, target, body string, fields ...string) string {
	response, err := s.ask(s.t.Context(), s.clients[rand.IntN(len(s.clients))], method, target, body, fields...)
	if _, reset := errors.AsType[http2.StreamError](err); reset || errors.Is(err, io.EOF) {
		return "broken"
	}
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "broken"
	}
	return outcome(response)
}

// outcome returns the status and the reason of an answer.
func outcome(response *http.Response) string {
	return strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", response.Header.Get("Postern-Reason")))
}

// want fails the test where a verdict is none of those that are right.
func (s *soak) want(count *atomic.Int64, target, got string, right ...string) {
	if count.Add(1); !slices.Contains(right, got) {
		s.t.Errorf("%s: %s, want one of %q", target, got, right)
	}
}

func (s *soak) good(random *rand.Rand) {
	token := "Authorization: " + []string{s.ann, s.bob}[random.IntN(2)]
	for _, target := range []string{"/widget", "/either", "/own", "/report"} {
		s.want(&s.served, target, s.verdict(http.MethodGet, target, "", token), "200")
	}
	s.want(&s.served, "/public", s.verdict(http.MethodPost, "/public", strings.Repeat("x", random.IntN(1<<16))), "200")
	s.want(&s.served, "/json", s.verdict(http.MethodPost, "/json", `{"customer":"ann"}`, "Authorization: "+s.ann, typeJSON), "200")
	s.want(&s.served, "/form", s.verdict(http.MethodPost, "/form", "customer=bob", "Authorization: "+s.bob, typeForm), "200")
}

func (s *soak) bad(*rand.Rand) {
	ann, forged := "Authorization: "+s.ann, "Authorization: "+s.forged
	for _, test := range []struct {
		method, target, body, want string
		fields                     []string
	}{
		{"GET", "/widget", "", "401 missing_credential", nil},
		{"GET", "/widget", "", "401 bad_signature", []string{forged}},
		{"GET", "/either", "", "401 bad_signature", []string{forged}},
		{"GET", "/widget", "", "401 malformed_credential", []string{ann + "."}},
		{"GET", "/widget", "", "400 malformed_request", []string{ann, forged}},
		{"GET", "/widget", "", "400 malformed_request", []string{ann, "Authorization_: x", "authorization: y"}},
		{"GET", "/public/../widget", "", "400 ambiguous_path", nil},
		{"GET", "/public%2f", "", "400 ambiguous_path", nil},
		{"GET", "/nowhere", "", "404 no_route", nil},
		{"POST", "/json", `{"customer":"bob"}`, "403 identity_mismatch", []string{ann, typeJSON}},
		{"POST", "/json", `{}`, "403 identity_missing", []string{ann, typeJSON}},
		{"POST", "/json", `{"customer":"ann","customer":"bob"}`, "400 malformed_body", []string{ann, typeJSON}},
		{"POST", "/json", strings.Repeat(" ", 2<<20), "413 body_too_large", []string{ann, typeJSON}},
		{"POST", "/form", "customer=ann&customer[]=bob", "400 malformed_request", []string{ann, typeForm}},
	} {
		s.want(&s.refused, test.target, s.verdict(test.method, test.target, test.body, test.fields...), test.want)
	}
}

// customer sends tokens of the newest key, of one that was withdrawn, and of one
// that was never published.
func (s *soak) customer(*rand.Rand) {
	n := s.rotation.Load()
	if token, ok := s.tokens.Load(n); ok {
		s.want(&s.served, "/customer", s.verdict(http.MethodGet, "/customer", "", "Authorization: Bearer "+token.(string)), "200", "503 keys_pending")
	}
	if token, ok := s.tokens.Load(n - 30); ok {
		s.want(&s.refused, "/customer, withdrawn", s.verdict(http.MethodGet, "/customer", "", "Authorization: Bearer "+token.(string)), "401 unknown_key", "503 keys_pending")
	}
	token := signed(s.t, jwt.SigningMethodES256, fmt.Sprint("foreign", n), s.foreign, carl())
	s.want(&s.refused, "/customer, foreign", s.verdict(http.MethodGet, "/customer", "", "Authorization: Bearer "+token), "401 unknown_key", "503 keys_pending")
}

func carl() jwt.MapClaims {
	return jwt.MapClaims{"iss": "idp", "aud": "chat", "sub": "carl", "exp": fromNow(time.Hour)}
}

func (s *soak) flaky(*rand.Rand) {
	s.want(&s.failed, "/flaky", s.verdict(http.MethodGet, "/flaky", "", "Authorization: "+s.ann),
		"200", "broken", "502 upstream_invalid", "502 upstream_unreachable", "504 upstream_timeout")
	s.want(&s.failed, "/more", s.verdict(http.MethodGet, "/more", ""), "502 upstream_unreachable")
}

// newFlaky starts a backend that fails in each way in turn.
func newFlaky(t testing.TB) (address string) {
	var turn atomic.Int64
	return newRogue(t, func(c net.Conn) {
		switch turn.Add(1) % 5 {
		case 0:
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0)
		case 1:
			replying("I am no backend\r\n\r\n")(c)
		case 2:
			replying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")(c)
		case 3:
			_, _ = io.Copy(io.Discard, c) // until Postern gives up
		default:
			replying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")(c)
		}
	})
}
