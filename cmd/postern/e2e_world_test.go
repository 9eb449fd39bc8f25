package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// received is a request as a backend got it.
type received struct {
	method, target, host string
	proto                string
	header, trailer      http.Header
	body                 string
	broken               bool // the body broke off
	contentLength        int64
}

// spy is a backend that keeps what it received.
type spy struct {
	*httptest.Server
	answer http.HandlerFunc
	seen   chan received
}

// newSpy starts a backend; without an answer of its own it says "ok".
func newSpy(t testing.TB, answer http.HandlerFunc) *spy {
	s := &spy{answer: answer, seen: make(chan received, 1000)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP reads the whole request, keeps it, and answers.
func (s *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.seen <- received{
		method: r.Method, target: r.RequestURI, host: r.Host, proto: r.Proto,
		header: r.Header.Clone(), trailer: r.Trailer.Clone(),
		body: string(body), broken: err != nil, contentLength: r.ContentLength,
	}
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	_, _ = io.WriteString(w, "ok")
}

// next waits for the next request.
func (s *spy) next(t testing.TB) received {
	t.Helper()
	return await(t, "a request to the backend", s.seen)
}

// expectNone fails the test where the backend got a request that nobody took.
func (s *spy) expectNone(t testing.TB) {
	t.Helper()
	select {
	case r := <-s.seen:
		t.Errorf("the backend received %+v", r)
	default:
	}
}

// newRogue starts a backend that does with each connection what handle does.
func newRogue(t testing.TB, handle func(net.Conn)) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer connection.Close()
				handle(connection)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// deadAddress returns an address of this machine where nothing listens.
func deadAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

// issuer is an identity provider with a key set.
type issuer struct {
	*httptest.Server

	mu    sync.Mutex
	keys  map[string]*ecdsa.PrivateKey
	fault http.HandlerFunc // answers in place of the key set
}

func newIssuer(t testing.TB, kids ...string) *issuer {
	i := &issuer{keys: map[string]*ecdsa.PrivateKey{}}
	for _, kid := range kids {
		i.publish(t, kid)
	}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

// publish adds a new key to the set.
func (i *issuer) publish(t testing.TB, kid string) {
	t.Helper()
	key := newSigningKey(t)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[kid] = key
}

// withdraw takes a key out of the set.
func (i *issuer) withdraw(kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.keys, kid)
}

func newSigningKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fail lets fault answer; nil brings the key set back.
func (i *issuer) fail(fault http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = fault
}

// ServeHTTP serves the key set.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	fault := i.fault
	var set jose.JSONWebKeySet
	for kid, key := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid, Algorithm: "ES256", Use: "sig"})
	}
	i.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(set)
}

// sign makes a token.
func (i *issuer) sign(t testing.TB, kid string, claims jwt.MapClaims) string {
	t.Helper()
	i.mu.Lock()
	key := i.keys[kid]
	i.mu.Unlock()
	return signed(t, jwt.SigningMethodES256, kid, key, claims)
}

func signed(t testing.TB, method jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with returns claims with changes; nil removes one.
func with(claims, changes jwt.MapClaims) jwt.MapClaims {
	changed := jwt.MapClaims{}
	for _, from := range []jwt.MapClaims{claims, changes} {
		for name, value := range from {
			if changed[name] = value; value == nil {
				delete(changed, name)
			}
		}
	}
	return changed
}

func fromNow(d time.Duration) int64 { return time.Now().Add(d).Unix() }
