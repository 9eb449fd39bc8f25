package authn_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// over is newIntrospection over a network.
func over(t testing.TB, address string, edit func(s *authn.IntrospectionSettings)) *authn.Introspection {
	t.Helper()
	s := introspectionSettings(t, edit)
	s.URL = address
	i := authn.NewIntrospection("opaque", s, []byte("secret"), newCache(&observer{}), tokenBytes)
	t.Cleanup(i.Retire)
	return i
}

// TestHostileServers: whatever a server does, the answer is an outage, comes within
// bounds, and its error tells nothing of what came back.
func TestHostileServers(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		_, _ = io.WriteString(w, active("token"))
	}))
	t.Cleanup(other.Close)
	sent := make(chan int, 1)
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		cause string
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/introspect", http.StatusTemporaryRedirect)
		}, "answered with status 307"},
		"redirect to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "answered with status 302"},
		"100 MB": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"active":true,"x":"`)
			n, chunk := 0, []byte(strings.Repeat("x", 1<<20))
			for range 100 {
				if _, err := w.Write(chunk); err != nil {
					break
				}
				n++
			}
			sent <- n
		}, "answered with more than 65536 bytes"},
		"slow drip": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
		}, "no complete answer within 100ms"},
		"silence":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no complete answer within 100ms"},
		"no HTTP":       {raw("opaque-token is what you asked\r\n\r\n"), "the answer is not HTTP"},
		"nothing":       {raw(""), "the answer breaks off"},
		"broken off":    {raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "the answer breaks off"},
		"large headers": {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("opaque-token", 10000) + "\r\n\r\n"), "the answer is not HTTP"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
		}, "the answer is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // net/http notices only then that the client leaves
				test.serve(w, r)
			}))
			t.Cleanup(s.Close)
			i := over(t, s.URL, func(s *authn.IntrospectionSettings) {
				if strings.Contains(test.cause, "100ms") {
					s.Timeout = policy.Duration(100 * time.Millisecond)
				}
			})
			_, _, err := i.Verify(t.Context(), authn.Credential{Value: "opaque-token"}, at)
			if want := "introspection_unavailable: " + test.cause; err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	if n := <-sent; n > 50 {
		t.Errorf("%d MiB of an answer were taken", n)
	}
}

// raw answers with bytes that net/http would not send.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, text)
	}
}

// TestOutage: a service that does not answer is asked less and less, a burst does
// not pile up, and the service is used again soon after it is back.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: active, delay: time.Hour} // it hangs
		i := newIntrospection(t, s, nil)
		began := time.Now()
		var all sync.WaitGroup
		const callers = 1000
		for n := range callers {
			all.Go(func() {
				got := ask(t.Context(), i, authn.Credential{Value: fmt.Sprint(n)}, time.Now())
				if got.Reason != policy.IntrospectionUnavailable {
					t.Errorf("%+v", got)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the burst took %s", took)
		}
		// As many as at a time, and those whose turn came as the first ones gave up.
		if asked := s.questions(); len(asked) > authn.MaxQuestions+5 {
			t.Errorf("%d questions in 5 seconds", len(asked))
		}
		// For 10 seconds, a hundred requests each.
		for range 1000 {
			all.Go(func() { ask(t.Context(), i, authn.Credential{Value: "later"}, time.Now()) })
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		if asked := s.questions(); len(asked) > 10 {
			t.Errorf("asked %d times in 10 seconds", len(asked))
		}
		s.set(func(s *server) { s.delay = 0 })
		time.Sleep(time.Second)
		for n := range 10 {
			want := outcome{Customer: fmt.Sprintf("owner of back-%d", n), Cache: authn.CacheMiss}
			expect(t, "afterwards", want, ask(t.Context(), i, authn.Credential{Value: fmt.Sprintf("back-%d", n)}, time.Now()))
		}
	})
}

// TestChokingServer: a credential that the server answers badly to, however often
// it is sent, locks out nobody.
func TestChokingServer(t *testing.T) {
	s := &server{answer: func(token string) string {
		if strings.HasPrefix(token, "evil") {
			return strings.Repeat("<html>", 20<<10) // too much
		}
		return active(token)
	}}
	i := newIntrospection(t, s, nil)
	for n := range 100 {
		ask(t.Context(), i, authn.Credential{Value: fmt.Sprint("evil-", n)}, at)
	}
	expect(t, "another", outcome{Customer: "owner of ann", Cache: authn.CacheMiss}, ask(t.Context(), i, authn.Credential{Value: "ann"}, at))
}

// TestPlainTextStaysHere: localhost must be this machine, whatever a name server
// says, and another name needs to be allowed.
func TestPlainTextStaysHere(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, active("token")) }))
	t.Cleanup(s.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	if _, _, err := over(t, "http://localhost:"+port, nil).Verify(t.Context(), authn.Credential{Value: "token"}, at); err != nil {
		t.Error(err)
	}
	// What localhost is resolved to by a name server of an attacker. Nothing is sent
	// there: the address is refused before the connection.
	_, _, err := over(t, "http://192.0.2.1/", nil).Verify(t.Context(), authn.Credential{Value: "token"}, at)
	if err == nil || !strings.Contains(err.Error(), "does not lead to this machine") {
		t.Error(err)
	}
}

// TestFloodOfGuesses: those who guess tokens do not drive out what was verified.
func TestFloodOfGuesses(t *testing.T) {
	s := &server{answer: func(token string) string {
		if token == "ann" {
			return active(token)
		}
		return `{"active":false}`
	}}
	settings := introspectionSettings(t, nil)
	told := &observer{}
	cache := authn.NewCache(authn.CacheSettings{Entries: 10, Bytes: 1 << 20, Max: policy.Duration(time.Minute)}, told)
	i := authn.NewIntrospection("opaque", settings, []byte("secret"), cache, tokenBytes)
	authn.SetTransport(i, s)
	ask(t.Context(), i, authn.Credential{Value: "ann"}, at)
	for n := range 10_000 {
		ask(t.Context(), i, authn.Credential{Value: fmt.Sprint("guess-", n)}, at)
	}
	expect(t, "ann", outcome{Customer: "owner of ann", Cache: authn.CacheHit}, ask(t.Context(), i, authn.Credential{Value: "ann"}, at))
	expect(t, "cache", &observer{Hits: 1, Misses: 10_001, Entries: 1}, told)
	long := authn.Credential{Value: strings.Repeat("x", tokenBytes+1)}
	expect(t, "too long", outcome{Reason: policy.MalformedCredential}, ask(t.Context(), i, long, at))
}

// TestSameInquirers: an authenticator keeps its answers over a reload only where
// nothing about it has changed.
func TestSameInquirers(t *testing.T) {
	cache := newCache(&observer{})
	make := func(secret string, edit func(s *authn.IntrospectionSettings)) *authn.Introspection {
		return authn.NewIntrospection("opaque", introspectionSettings(t, edit), []byte(secret), cache, tokenBytes)
	}
	profile := authn.NewProfile("opaque", profileSettings(t, "http://127.0.0.1:1/me", nil), cache, tokenBytes)
	before := make("secret", nil)
	for name, test := range map[string]struct {
		now  authn.Inquirer
		same bool
	}{
		"equal":          {make("secret", nil), true},
		"another secret": {make("other", nil), false}, // of the same file
		"another url":    {make("secret", func(s *authn.IntrospectionSettings) { s.URL = "https://idp.example.com" }), false},
		"another rule":   {make("secret", func(s *authn.IntrospectionSettings) { s.Scopes = policy.OneOrMore[string]{"chat"} }), false},
		"a written file": {make("secret", func(s *authn.IntrospectionSettings) { s.ClientSecret = keys.Value{File: "x"} }), false},
		"another type":   {profile, false},
		"another cache":  {authn.NewIntrospection("opaque", introspectionSettings(t, nil), []byte("secret"), newCache(&observer{}), tokenBytes), false},
		"another name":   {authn.NewIntrospection("other", introspectionSettings(t, nil), []byte("secret"), cache, tokenBytes), false},
		"shorter tokens": {authn.NewIntrospection("opaque", introspectionSettings(t, nil), []byte("secret"), cache, 100), false},
	} {
		if got := before.Same(test.now); got != test.same {
			t.Errorf("%s: %v", name, got)
		}
	}
	again := authn.NewProfile("opaque", profileSettings(t, "http://127.0.0.1:1/me", nil), cache, tokenBytes)
	other := authn.NewProfile("opaque", profileSettings(t, "http://127.0.0.1:1/{path.user}", nil), cache, tokenBytes)
	if !profile.Same(again) || profile.Same(other) || profile.Same(before) {
		t.Error("profiles are told apart by something else than their settings")
	}
}
