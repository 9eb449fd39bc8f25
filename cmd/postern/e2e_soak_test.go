package main

import (
	"crypto/ecdsa"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var soakTime = flag.Duration("soak", 5*time.Second, "how long TestSoak runs")

// soakYAML adds to reservedYAML an issuer, and a backend that fails.
var soakYAML = strings.NewReplacer(
	"authenticators:", `authenticators:
  customer: { type: jwt, keys: { jwks_url: "${IDP}" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }`,
	"upstreams: {", `upstreams: { issued: { url: "${ISSUED}" }, flaky: { url: "http://${FLAKY}" }, more: { url: "unix://${MORE}" }, `,
).Replace(reservedYAML) + `
  - { name: customer, match: /customer, upstream: issued, authenticate: [customer] }
  - { name: flaky, match: /flaky, upstream: flaky, authenticate: [widget], timeout: 100ms }
  - { name: "${NAME}", match: /more, upstream: more, authenticate: [anonymous] }
`

// soak is a Postern under mixed traffic.
type soak struct {
	*testbed
	*court
	t        *testing.T
	idp      *issuer
	foreign  *ecdsa.PrivateKey // of no issuer
	values   map[string]string
	stop     chan struct{} // ends a round
	rotation atomic.Int64
	tokens   sync.Map // by rotation: of carl

	served, refused, failed, written, reloads atomic.Int64
}

// TestSoak runs valid and hostile traffic with reloads, key rotation and
// failures of upstreams, and fails on one wrong verdict, or on growth: go test
// ./cmd/postern -run Soak -soak 10m -timeout 0 -v.
func TestSoak(t *testing.T) {
	s := &soak{t: t, court: newCourt(t), idp: newIssuer(t, "k0"), foreign: newSigningKey(t)}
	var carls atomic.Int64
	issued := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header["X-Customer-Id"]; !slices.Equal(got, []string{"carl"}) {
			s.faults <- fmt.Sprintf("/customer: %q in place of carl", got)
		}
		carls.Add(1)
	}))
	t.Cleanup(issued.Close)
	s.values = map[string]string{"DATA": s.court.URL, "IDP": s.idp.URL, "ISSUED": issued.URL, "FLAKY": newFlaky(t), "MORE": filepath.Join(t.TempDir(), "nobody.sock"), "NAME": "r0"}
	s.testbed = start(t, soakYAML, s.values)
	s.log.next(t, "keys loaded")
	s.log.mute()
	s.sign()

	const rounds = 10
	var warm figures
	for round := range rounds {
		s.run(*soakTime / rounds)
		s.client.CloseIdleConnections()
		now := measure(t)
		t.Logf("%d served, %d refused, %d upstream failures, %d connections of mutated bytes, %d reloads; %s",
			s.served.Load(), s.refused.Load(), s.failed.Load(), s.written.Load(), s.reloads.Load(), now)
		if round == 1 {
			warm = now
		}
		if round == rounds-1 {
			now.expectNoGrowth(t, warm)
		}
		if s.expectNoFault(t); t.Failed() {
			return
		}
	}
	// In a shorter one, look-ups of foreign keys may keep those of carl waiting.
	if carls.Load() == 0 && *soakTime >= time.Minute {
		t.Error("no token of the issuer was ever allowed")
	}
}

// run sends traffic of all kinds for a while.
func (s *soak) run(d time.Duration) {
	s.stop = make(chan struct{})
	var running sync.WaitGroup
	loop := func(times int, step func(random *rand.Rand)) {
		for range times {
			running.Go(func() {
				for random := rand.New(rand.NewPCG(rand.Uint64(), 0)); ; {
					select {
					case <-s.stop:
						return
					default:
						step(random)
					}
				}
			})
		}
	}
	loop(2, s.good)
	loop(2, s.bad)
	loop(1, s.customer)
	loop(1, s.flaky)
	loop(2, func(random *rand.Rand) {
		seeds := hostileBytes()
		text := seeds[random.IntN(len(seeds))]
		for range random.IntN(4) {
			text = mutateText(random, text)
		}
		s.write(s.t, s.address, text)
		s.written.Add(1)
	})
	running.Go(s.change)
	time.AfterFunc(d, func() { close(s.stop) })
	running.Wait()
}

// verdict sends a request and returns the status and the reason; an answer that
// breaks off is "broken".
func (s *soak) verdict(method, target, body string, fields ...string) string {
	r := s.request(method, target, strings.NewReader(body), fields...)
	response, err := s.client.Do(r)
	if errors.Is(err, io.EOF) {
		return "broken"
	}
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "broken"
	}
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

// change rotates the keys and reloads each second; every seventh second the
// issuer is away.
func (s *soak) change() {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		n := s.reloads.Add(1)
		s.values["NAME"] = fmt.Sprint("r", n%2)
		s.configure(soakYAML, s.values)
		if n%3 > 0 { // otherwise the file is noticed
			if got := s.operate(s.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
				s.t.Errorf("reload: %+v", got)
			}
		}
		s.idp.fail(nil)
		if n%7 == 0 {
			s.idp.fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		}
		s.sign()
		select {
		case <-s.stop:
			return
		case <-ticks.C:
		}
	}
}

// sign publishes a new key, withdraws an old one, and makes a token of the new.
func (s *soak) sign() {
	n := s.rotation.Load() + 1
	kid := fmt.Sprint("k", n)
	s.idp.publish(s.t, kid)
	s.idp.withdraw(fmt.Sprint("k", n-5))
	s.tokens.Store(n, s.idp.sign(s.t, kid, carl()))
	s.tokens.Delete(n - 40)
	s.rotation.Store(n)
}
