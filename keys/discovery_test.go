package keys_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

// site answers with pages by URL, and with 404 where it has none.
type site struct {
	mu    sync.Mutex
	pages map[string]string
	asked []string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address := r.URL.String()
	s.asked = append(s.asked, address)
	page, found := s.pages[address]
	status := http.StatusOK
	switch to, redirect := strings.CutPrefix(page, "-> "); {
	case redirect:
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {to}}, Body: http.NoBody, Request: r}, nil
	case !found:
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
}

func (s *site) put(address, page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[address] = page
}

// visits returns what was asked for since the last call.
func (s *site) visits() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

const (
	issuerURL   = "https://idp.example.com/a/"
	documentURL = "https://idp.example.com/a/.well-known/openid-configuration"
	keysURL     = "https://keys.example.net/1"
)

var discoverySettings = func() keys.RemoteSettings {
	s := remoteSettings
	s.Location = keys.Location{Form: keys.Discovery, URL: documentURL, Issuer: issuerURL}
	return s
}()

func providerDocument(issuer, jwksURI string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"https://idp.example.com/auth"}`, issuer, jwksURI)
}

func TestDiscovery(t *testing.T) {
	const keysElsewhere = "https://keys.example.net/2"
	s := &site{pages: map[string]string{documentURL: providerDocument(issuerURL, keysURL), keysURL: jwkSet(ecJWK("a"))}}
	inBubbleWith(t, discoverySettings, s, func(r *rig) {
		check := func(what string, kid string, visits ...string) {
			t.Helper()
			if diff := cmp.Diff(visits, s.visits()); diff != "" || r.key(kid) == nil {
				t.Errorf("%s: key %v, visits (-want +got):\n%s", what, r.key(kid), diff)
			}
		}
		check("first", "a", documentURL, keysURL)

		// It is fetched again with the keys, and a new jwks_uri is taken at once.
		s.put(documentURL, providerDocument(issuerURL, keysElsewhere))
		s.put(keysElsewhere, jwkSet(ecJWK("b")))
		r.wantSeek("b", policy.ReasonNone, 0)
		check("moved", "b", documentURL, keysElsewhere)

		// While the document fails, the keys go on to be refreshed where they were.
		s.put(documentURL, "<html>")
		s.put(keysElsewhere, jwkSet(ecJWK("c")))
		r.wantSeek("c", policy.ReasonNone, 0)
		check("document failing", "c", documentURL, keysElsewhere)
		if !strings.Contains(r.log.String(), "discovery failed, the last jwks_uri is used") {
			t.Errorf("log:\n%s", r.log)
		}
		synctest.Wait() // the last refresh is counted after its keys are in use
		if diff := cmp.Diff(observed{Loaded: []int{0, 1, 1, 1}, Succeeded: 3, Unknown: 2}, r.observed()); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

// A document that is not to be trusted names no keys: none are fetched, and those
// that were stay.
func TestDiscoveryRefuses(t *testing.T) {
	for name, test := range map[string]struct{ page, cause string }{
		"another issuer":         {providerDocument("https://evil.example.com/", keysURL), "discovery: the document is that of another issuer"},
		"issuer without slash":   {providerDocument(strings.TrimSuffix(issuerURL, "/"), keysURL), "discovery: the document is that of another issuer"},
		"issuer in other case":   {providerDocument("https://IDP.example.com/a/", keysURL), "discovery: the document is that of another issuer"},
		"no issuer":              {`{"jwks_uri":"` + keysURL + `"}`, "discovery: the document is that of another issuer"},
		"issuer in another name": {`{"Issuer":"` + issuerURL + `","jwks_uri":"` + keysURL + `"}`, "discovery: the document is that of another issuer"},
		"two issuers": {
			`{"issuer":"` + issuerURL + `","issuer":"x","jwks_uri":"` + keysURL + `"}`,
			"discovery: not JSON: duplicate object member name at byte 39",
		},
		"list of issuers":    {`{"issuer":["` + issuerURL + `"]}`, "discovery: not the document of an OpenID provider"},
		"no jwks_uri":        {`{"issuer":"` + issuerURL + `"}`, "discovery: jwks_uri is not a URL like https://idp.example.com/jwks.json"},
		"plain http":         {providerDocument(issuerURL, "http://keys.example.net/1"), "discovery: jwks_uri is plain http: whoever is on the way could replace the keys (allow_insecure_http: true accepts that)"},
		"password":           {providerDocument(issuerURL, "https://a:s3cret@keys.example.net/"), "discovery: jwks_uri holds a user name or password, which a key set must not need"},
		"file":               {providerDocument(issuerURL, "file:///etc/passwd"), "discovery: jwks_uri is not a URL like https://idp.example.com/jwks.json"},
		"relative":           {providerDocument(issuerURL, "/jwks"), "discovery: jwks_uri is not a URL like https://idp.example.com/jwks.json"},
		"HTML":               {"<html>", "discovery: not JSON: invalid character '<' at start of value at byte 0"},
		"huge":               {providerDocument(issuerURL, keysURL) + strings.Repeat(" ", 1<<20), "discovery: answered with more than 1048576 bytes"},
		"redirect elsewhere": {"-> https://keys.example.net/document", "discovery: redirected to another origin"},
		"keys redirected":    {providerDocument(issuerURL, "https://keys.example.net/away"), "redirected to another origin"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{pages: map[string]string{
				documentURL:                          test.page,
				keysURL:                              jwkSet(ecJWK("a")),
				"https://keys.example.net/away":      "-> https://idp.example.com/keys",
				"https://keys.example.net/document":  providerDocument(issuerURL, keysURL),
				"http://keys.example.net/1":          jwkSet(ecJWK("a")),
				"https://a:s3cret@keys.example.net/": jwkSet(ecJWK("a")),
				"https://idp.example.com/keys":       jwkSet(ecJWK("a")),
			}}
			inBubbleWith(t, discoverySettings, s, func(r *rig) {
				if r.Ready() || slices.Contains(s.visits(), keysURL) {
					t.Error("keys were fetched")
				}
				checkFetch(t, r.Ready(), r.log.String(), test.cause)
				// It recovers by itself.
				s.put(documentURL, providerDocument(issuerURL, keysURL))
				time.Sleep(time.Minute)
				synctest.Wait()
				before := r.key("a")
				s.put(documentURL, test.page)
				time.Sleep(time.Hour)
				synctest.Wait()
				if before == nil || r.key("a") != before || !before.Live() {
					t.Error("keys are lost")
				}
			})
		})
	}
}

// Each document may redirect within its own origin.
func TestDiscoveryRedirects(t *testing.T) {
	s := &site{pages: map[string]string{
		documentURL:                      "-> https://idp.example.com/moved",
		"https://idp.example.com/moved":  providerDocument(issuerURL, keysURL),
		keysURL:                          "-> https://keys.example.net/moved",
		"https://keys.example.net/moved": jwkSet(ecJWK("a")),
	}}
	inBubbleWith(t, discoverySettings, s, func(r *rig) {
		if r.key("a") == nil {
			t.Errorf("no key after %q", s.visits())
		}
	})
}

// Plain http is for loopback, which through a proxy is another machine's.
func TestDiscoveryOnLoopback(t *testing.T) {
	const loopback = "http://127.0.0.1:1/jwks"
	for name, test := range map[string]struct {
		change func(*keys.RemoteSettings)
		ready  bool
	}{
		"direct":        {func(*keys.RemoteSettings) {}, true},
		"through proxy": {func(s *keys.RemoteSettings) { s.Connection.Proxy = "http://proxy.example.com" }, false},
		"allowed": {func(s *keys.RemoteSettings) {
			s.Connection.Proxy, s.AllowInsecureHTTP = "http://proxy.example.com", true
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			settings := discoverySettings
			test.change(&settings)
			s := &site{pages: map[string]string{documentURL: providerDocument(issuerURL, loopback), loopback: jwkSet(ecJWK("a"))}}
			inBubbleWith(t, settings, s, func(r *rig) {
				if r.Ready() != test.ready {
					t.Errorf("ready %v\n%s", r.Ready(), r.log)
				}
			})
		})
	}
}

// What an insecure source has learned is of no use to one that is not: neither
// after a restart nor after a reload.
func TestInsecureIsForgotten(t *testing.T) {
	const plain = "http://keys.example.net/1"
	document := jwkSet(ecJWK("a"))
	pages := func() *site {
		return &site{pages: map[string]string{documentURL: providerDocument(issuerURL, plain), plain: document}}
	}
	secure := discoverySettings
	insecure := secure
	insecure.AllowInsecureHTTP = true
	t.Run("restart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			secure, insecure := secure, insecure
			insecure.StateDir = kept(t).StateDir
			secure.StateDir = insecure.StateDir
			before := newRig(t, insecure, pages())
			before.start()
			before.Stop()
			r := newRig(t, secure, pages())
			r.start()
			r.Stop()
			if r.Ready() || !strings.Contains(r.log.String(), "jwks_uri is plain http") {
				t.Errorf("ready %v\n%s", r.Ready(), r.log)
			}
		})
	})
	t.Run("reload", func(t *testing.T) {
		for _, settings := range []keys.RemoteSettings{insecure, secure} {
			synctest.Test(t, func(t *testing.T) {
				insecure, settings := insecure, settings
				insecure.StateDir = kept(t).StateDir
				settings.StateDir = insecure.StateDir
				before := newRig(t, insecure, pages())
				before.start()
				before.Stop()
				s := pages()
				s.put(documentURL, "<html>")
				r := newRig(t, settings, s)
				r.Adopt(before.Remote)
				r.start()
				r.Stop()
				if r.key("a") != before.key("a") {
					t.Error("the keys are lost, or those of the copy")
				}
				if asked := slices.Contains(s.visits(), plain); asked != settings.AllowInsecureHTTP {
					t.Errorf("asked at the insecure address: %v", asked)
				}
			})
		}
	})
}
