package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/policy"
)

// witness is a backend that compares each identity that it is told of with the
// credential that was verified, which reservedYAML passes on.
type witness struct {
	customers map[string]string // by Authorization, of all tokens that verify
	faults    chan<- string
}

// ServeHTTP reads the request whole, for its trailers.
func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	_, broken := io.Copy(io.Discard, r.Body)
	if fault := w.judge(r); fault != "" {
		w.faults <- fmt.Sprintf("%s %s: %s; %q", r.Method, r.RequestURI, fault, r.Header)
	}
	if broken != nil {
		return
	}
	_, _ = io.WriteString(out, "ok")
}

func (w *witness) judge(r *http.Request) (fault string) {
	customers, levels := r.Header["X-Customer-Id"], r.Header["X-Auth-Level"]
	for name := range alike(r.Header, "X-Customer-Id", "X-Auth-Level") {
		if name != "X-Customer-Id" && name != "X-Auth-Level" {
			return "an alias"
		}
	}
	if len(r.Trailer) > 0 {
		return fmt.Sprintf("the trailer %v", r.Trailer)
	}
	verified := w.customers[r.Header.Get("Authorization")]
	path := r.URL.Path
	switch {
	case slices.Equal(levels, []string{policy.Customer.String()}):
		if verified == "" || !slices.Equal(customers, []string{verified}) {
			return "not the customer who was verified"
		}
	case len(customers) > 0:
		return "a customer without the level"
	case slices.Equal(levels, []string{policy.Anonymous.String()}):
		if path != "/public" && path != "/own" && path != "/either" {
			return "nobody was let in"
		}
	case len(levels) > 0 || path != "/report":
		return "no level"
	}
	return ""
}

// hostileBytes are requests of which some claim an identity that nobody verified;
// $a and $b stand for tokens of ann and bob, $f for a forged one.
func hostileBytes() []string {
	const host = " HTTP/1.1\r\nHost: postern\r\n"
	return []string{
		"GET /public" + host + "\r\n",
		"GET /widget" + host + "Authorization: $a\r\nX-Customer-Id: eve\r\nX_Customer_Id: eve\r\n\r\n",
		"GET /widget" + host + "Authorization: $f\r\n\r\n",
		"GET /either" + host + "authorization: $b\r\nAuthorization: $a\r\n\r\n",
		"GET /either" + host + "authorization : $b\r\n\r\nGET /either" + host + "\r\n",
		"GET /own" + host + "Authorization: $f\r\nConnection: X-Auth-Level\r\n\r\n",
		"POST /json" + host + "Authorization: $a\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"customer\":\"ann\"}",
		"POST /json" + host + "Authorization: $b\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"customer\":\"bob\"}\r\n0\r\nX-Customer-Id: eve\r\n\r\n",
		"POST /form" + host + "Authorization: $a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ncustomer=ann",
		"POST /report" + host + "Authorization: $b\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"customer\":\"ann\"}",
		"POST /public" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-Level\r\n\r\n0\r\nX-Auth-Level: customer\r\n\r\n",
		"GET http://postern/widget HTTP/1.0\r\nAuthorization: JWT\t$a\r\n\r\n",
		"GET /widget" + host + "Cookie: a=b\r\n Authorization: $a\r\n\r\nGET /public" + host + "Authorization: $b\r\n\r\n",
		"GET /public?a=b;c#d" + host + "X-Customer-Id:\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	}
}

// court is a witness, the tokens that it knows, and what it has to say.
type court struct {
	*httptest.Server
	ann, bob, forged string // whole values of Authorization
	faults           chan string
}

func newCourt(t testing.TB) *court {
	c := &court{
		ann: "JWT " + widgetToken(t, jwt.MapClaims{"sub": "ann"}), bob: "JWT " + widgetToken(t, jwt.MapClaims{"sub": "bob"}),
		forged: "JWT " + signed(t, jwt.SigningMethodHS256, "", []byte("a-secret-that-nobody-has-heard-of"), jwt.MapClaims{"sub": "eve", "exp": fromNow(time.Hour)}),
		faults: make(chan string, 1000),
	}
	c.Server = httptest.NewServer(&witness{map[string]string{c.ann: "ann", c.bob: "bob"}, c.faults})
	t.Cleanup(c.Close)
	return c
}

// write sends bytes on a connection, and a whole request after them, and waits for
// its end.
func (c *court) write(connection net.Conn, text string) {
	defer connection.Close()
	// Bytes that are no whole requests leave Postern waiting for the rest.
	_ = connection.SetDeadline(time.Now().Add(100 * time.Millisecond))
	tokens := strings.NewReplacer("$a", c.ann, "$b", c.bob, "$f", c.forged)
	_, _ = io.WriteString(connection, tokens.Replace(text)+"GET /either HTTP/1.1\r\nHost: postern\r\nConnection: close\r\n\r\n")
	_, _ = io.Copy(io.Discard, connection)
}

// expectNoFault fails the test where a request came with another identity.
func (c *court) expectNoFault(t testing.TB) {
	t.Helper()
	for len(c.faults) > 0 {
		t.Error(<-c.faults)
	}
}

// FuzzRequestBytes writes any bytes to Postern: whatever identity the backend is
// told of is the one that was verified.
func FuzzRequestBytes(f *testing.F) {
	c := newCourt(f)
	b := start(f, reservedYAML, map[string]string{"DATA": c.URL})
	b.log.mute()
	for _, text := range hostileBytes() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c.write(dial(t, b.address), string(text))
		c.expectNoFault(t)
	})
}
