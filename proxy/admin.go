package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// AdminParts are what the admin and health listeners show.
type AdminParts struct {
	Ready   *Readiness
	Metrics http.Handler
	// Reload loads the configuration again; its error is public.
	Reload func() error
	// JWKS returns the keys of identity assertions; nil where there are none. They may
	// change.
	JWKS func() []byte
	// Token returns what is asked for as a Bearer token; none where empty. It may
	// change.
	Token func() []byte
}

// NewAdmin returns the handler of the admin listener: /healthz, /readyz,
// /metrics, /.well-known/jwks.json and POST /-/reload. A browser on another page cannot call it.
func NewAdmin(p AdminParts) http.Handler {
	mux := probes(p)
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.Reload(); err != nil {
			say(w, http.StatusBadRequest, err.Error())
			return
		}
		say(w, http.StatusOK, "reloaded")
	})
	var h http.Handler = http.NewCrossOriginProtection().Handler(mux)
	open := requireLocalHost(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := p.Token(); len(token) > 0 {
			requireToken(token, h).ServeHTTP(w, r)
		} else {
			open.ServeHTTP(w, r)
		}
	})
}

// requireLocalHost refuses a browser that some name in the DNS has led here: a
// listener without a token is for this machine, under its own names.
func requireLocalHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		// A unix socket's clients make up a name.
		if _, isTCP := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); isTCP && !isLocal(net.JoinHostPort(host, "0")) {
			say(w, http.StatusForbidden, "this listener is for localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// NewHealth returns the handler of the health listener, which changes nothing
// and may be open to a cluster.
func NewHealth(p AdminParts) http.Handler { return probes(p) }

func probes(p AdminParts) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if p.Ready.Ready(time.Now()) {
			say(w, http.StatusOK, "ready")
		} else {
			say(w, http.StatusServiceUnavailable, "not ready")
		}
	})
	mux.Handle("GET /metrics", p.Metrics)
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		document := p.JWKS()
		if document == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "max-age="+jwksMaxAge)
		_, _ = w.Write(document) // the client may be gone
	})
	return mux
}

// jwksMaxAge is how many seconds a backend may go without looking for further keys.
const jwksMaxAge = "60"

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the client may be gone
}

func requireToken(token []byte, next http.Handler) http.Handler {
	want := sha256.Sum256(token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(value))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="postern admin"`)
			say(w, http.StatusUnauthorized, "the admin token is missing or wrong")
			return
		}
		next.ServeHTTP(w, r)
	})
}
