package main

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Issuer and audience of every token of the bench.
const (
	issuer   = "https://idp.example.com/"
	audience = "chat"
)

// verifier finds out who a request is from, as golang-jwt's documentation shows it.
type verifier struct {
	token    []byte
	keys     map[string]any // by algorithm
	parsers  map[string]*jwt.Parser
	verified *lru.Cache[string, customer] // nil to verify each time
	denial   []byte
}

// customer is what is remembered of a token.
type customer struct {
	id, email string
	until     time.Time
}

func newVerifier(folder, token, denial string, remember bool) (*verifier, error) {
	v := &verifier{token: []byte("Token " + token), keys: map[string]any{}, parsers: map[string]*jwt.Parser{}}
	files := map[string]func([]byte) (any, error){
		"hs256.key": func(b []byte) (any, error) { return b, nil },
		"rs256.pem": func(b []byte) (any, error) { return jwt.ParseRSAPublicKeyFromPEM(b) },
		"es256.pem": func(b []byte) (any, error) { return jwt.ParseECPublicKeyFromPEM(b) },
	}
	for name, parse := range files {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		algorithm, _, _ := strings.Cut(name, ".")
		if v.keys[algorithm], err = parse(content); err != nil {
			return nil, err
		}
		v.parsers[algorithm] = jwt.NewParser(jwt.WithValidMethods([]string{strings.ToUpper(algorithm)}),
			jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	}
	var err error
	if v.denial, err = os.ReadFile(denial); err != nil {
		return nil, err
	}
	if remember {
		v.verified, err = lru.New[string, customer](100_000)
	}
	return v, err
}

var errCredential = errors.New("no credential that is good here")

// before lets requests pass to next that have the credential which their path
// wants, with the customer named in headers, and refuses the others.
func (v *verifier) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := v.identify(r)
		if err != nil {
			h := w.Header()
			h.Set("Content-Type", "application/problem+json")
			h.Set("Content-Length", strconv.Itoa(len(v.denial)))
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Postern-Reason", "missing_credential")
			h.Set("WWW-Authenticate", `Token realm="postern"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write(v.denial) // the client may be gone
			return
		}
		r.Header.Del("Authorization")
		r.Header.Del("X-Customer-Id")
		r.Header.Del("X-Customer-Email")
		if who.id != "" {
			r.Header.Set("X-Customer-Id", who.id)
			r.Header.Set("X-Customer-Email", who.email)
		}
		next.ServeHTTP(w, r)
	})
}

func (v *verifier) identify(r *http.Request) (customer, error) {
	kind, _, _ := strings.Cut(r.URL.Path[1:], "/")
	credential := r.Header.Get("Authorization")
	switch kind {
	case "token":
		if subtle.ConstantTimeCompare([]byte(credential), v.token) != 1 {
			return customer{}, errCredential
		}
		return customer{}, nil
	case "hs256", "rs256", "es256":
		token, isBearer := strings.CutPrefix(credential, "Bearer ")
		if !isBearer {
			return customer{}, errCredential
		}
		return v.customer(kind, token)
	}
	return customer{}, nil
}

func (v *verifier) customer(algorithm, token string) (customer, error) {
	if v.verified == nil {
		return v.parse(algorithm, token)
	}
	if who, ok := v.verified.Get(token); ok && time.Now().Before(who.until) {
		return who, nil
	}
	who, err := v.parse(algorithm, token)
	if err == nil {
		v.verified.Add(strings.Clone(token), who)
	}
	return who, err
}

func (v *verifier) parse(algorithm, token string) (customer, error) {
	var claims struct {
		jwt.RegisteredClaims
		Email string `json:"email"`
	}
	_, err := v.parsers[algorithm].ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return v.keys[algorithm], nil })
	if err != nil {
		return customer{}, err
	}
	return customer{claims.Subject, claims.Email, claims.ExpiresAt.Time}, nil
}
