package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soakTime = flag.Duration("soak", 5*time.Second, "how long TestSoak runs")

// soakYAML adds to reservedYAML an issuer, a backend that fails, and streams.
var soakYAML = strings.NewReplacer(
	"authenticators:", `authenticators:
  customer: { type: jwt, keys: { jwks_url: "${IDP}" }, algorithms: [ES256], issuer: idp, audience: chat, customer_id: claims.sub }`,
	"upstreams: {", `upstreams: { issued: { url: "${ISSUED}" }, streams: { url: "${STREAMS}" }, flaky: { url: "http://${FLAKY}" }, more: { url: "unix://${MORE}" }, `,
).Replace(reservedYAML) + `
  - { name: customer, match: /customer, upstream: issued, authenticate: [customer] }
  - { name: flaky, match: /flaky, upstream: flaky, authenticate: [widget], timeout: 100ms }
  - { name: socket, match: /socket, upstream: streams, authenticate: [widget], upgrade: [websocket] }
  - { name: events, match: /events, upstream: streams, authenticate: [widget] }
  - { name: "${NAME}", match: /more, upstream: more, authenticate: [anonymous] }
`

// soak is a Postern under mixed traffic.
type soak struct {
	*testbed
	*court
	t        *testing.T
	yaml     string
	secure   *tls.Config     // of its clients, nil for plain text
	clients  [2]*http.Client // of HTTP/1.1 and of HTTP/2
	idp      *issuer
	foreign  *ecdsa.PrivateKey // of no issuer
	values   map[string]string
	rotation atomic.Int64
	tokens   sync.Map // by rotation: of carl

	served, carls, refused, failed, written, streams, reloads atomic.Int64
}

// TestSoak runs valid and hostile traffic and streams with reloads, key rotation and
// failures of upstreams, in plain text and over TLS, and fails on one wrong verdict,
// or on growth: go test ./cmd/postern -run Soak -soak 10m -timeout 0 -v.
func TestSoak(t *testing.T) {
	t.Run("plain text", func(t *testing.T) {
		newSoak(t, withH2C(soakYAML), nil).endure(*soakTime / 2)
	})
	t.Run("TLS", func(t *testing.T) {
		yaml, ca := withTLS(t, soakYAML)
		newSoak(t, yaml, &tls.Config{RootCAs: ca.pool(), ServerName: tlsHost}).endure(*soakTime / 2)
	})
}

func newSoak(t *testing.T, yaml string, secure *tls.Config) *soak {
	s := &soak{t: t, court: newCourt(t), yaml: yaml, secure: secure, idp: newIssuer(t, "k0"), foreign: newSigningKey(t)}
	backend := func(serve http.HandlerFunc) (url string) {
		b := httptest.NewServer(serve)
		t.Cleanup(b.Close)
		return b.URL
	}
	s.values = map[string]string{
		"DATA": s.court.URL, "IDP": s.idp.URL, "FLAKY": newFlaky(t), "MORE": filepath.Join(t.TempDir(), "nobody.sock"), "NAME": "r0",
		"ISSUED": backend(func(_ http.ResponseWriter, r *http.Request) {
			s.expectCustomer(r, "carl")
			s.carls.Add(1)
		}),
		"STREAMS": backend(func(w http.ResponseWriter, r *http.Request) {
			if s.expectCustomer(r, "ann"); r.Header.Get("Upgrade") != "" {
				echo(w, r)
				return
			}
			tick(w, r)
		}),
	}
	s.testbed = start(t, s.yaml, s.values)
	for i, http2 := range []bool{false, true} {
		s.clients[i] = newClient(t)
		transport := s.clients[i].Transport.(*http.Transport)
		transport.TLSClientConfig, transport.Protocols = secure.Clone(), new(http.Protocols)
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetHTTP2(http2)
		transport.Protocols.SetUnencryptedHTTP2(http2)
	}
	s.log.next(t, "keys loaded")
	s.log.mute()
	s.sign()
	return s
}

// expectCustomer is asked by a backend for one customer.
func (s *soak) expectCustomer(r *http.Request, customer string) {
	if got := r.Header["X-Customer-Id"]; !slices.Equal(got, []string{customer}) {
		s.faults <- fmt.Sprintf("%s: %q in place of %s", r.URL.Path, got, customer)
	}
}

// endure runs for a time, in rounds, and compares what is left of the last one with what
// was left of the second.
func (s *soak) endure(d time.Duration) {
	rounds := 10
	if d < time.Minute {
		rounds = 4 // the ends of rounds take their time, too
	}
	var warm figures
	for round := range rounds {
		s.run(d / time.Duration(rounds))
		for _, client := range append(s.clients[:], s.client) {
			client.CloseIdleConnections()
		}
		now := measure(s.t)
		s.t.Logf("%d served, %d refused, %d streams, %d upstream failures, %d connections of mutated bytes, %d reloads; %s",
			s.served.Load(), s.refused.Load(), s.streams.Load(), s.failed.Load(), s.written.Load(), s.reloads.Load(), now)
		if round == 1 {
			warm = now
		}
		if round == rounds-1 {
			now.expectNoGrowth(s.t, warm)
		}
		if s.expectNoFault(s.t); s.t.Failed() {
			return
		}
	}
	// In a shorter one, look-ups of foreign keys may keep those of carl waiting.
	if s.carls.Load() == 0 && d >= time.Minute {
		s.t.Error("no token of the issuer was ever allowed")
	}
}

// run sends traffic of all kinds for a while.
func (s *soak) run(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var running sync.WaitGroup
	loop := func(times int, step func(random *rand.Rand)) {
		for range times {
			running.Go(func() {
				for random := rand.New(rand.NewPCG(rand.Uint64(), 0)); ctx.Err() == nil; {
					step(random)
				}
			})
		}
	}
	loop(2, s.good)
	loop(2, s.bad)
	loop(1, s.customer)
	loop(1, s.flaky)
	loop(1, s.talk)
	loop(1, func(*rand.Rand) { s.expire(ctx) })
	loop(2, func(random *rand.Rand) {
		seeds := hostileBytes()
		text := seeds[random.IntN(len(seeds))]
		for range random.IntN(4) {
			text = mutateText(random, text)
		}
		s.write(s.dial(), text)
		s.written.Add(1)
	})
	running.Go(func() { s.stand(ctx) })
	running.Go(func() { s.change(ctx) })
	running.Wait()
}

// change rotates the keys and reloads each second; every seventh second the
// issuer is away.
func (s *soak) change(ctx context.Context) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		n := s.reloads.Add(1)
		s.values["NAME"] = fmt.Sprint("r", n%2)
		s.configure(s.yaml, s.values)
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
		case <-ctx.Done():
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
