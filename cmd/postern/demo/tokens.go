package demo

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What the configuration has as secrets.
const (
	acmeToken    = "acme-demo-token"
	acmeOldToken = "acme-demo-token-2025"
	widgetSecret = "demo-widget-secret-that-is-no-secret"
)

// Tokens live as long as their kind may: a person takes a while to paste.
const (
	customerLifetime = time.Hour
	widgetLifetime   = 10 * time.Minute
)

// The customer whom the demo is about.
const (
	customerID   = "zoe"
	customerName = "Zoë Ramos"
)

// customerClaims are those of a good token of the identity provider.
func (w *World) customerClaims(now time.Time) claims {
	return claims{
		"iss":     w.issuerURL(),
		"aud":     "data",
		"sub":     customerID,
		"name":    customerName,
		"project": "acme",
		"iat":     now.Unix(),
		"exp":     now.Add(customerLifetime).Unix(),
	}
}

// customerToken is a token of the identity provider.
func (w *World) customerToken(c claims) string {
	return sign(jwt.SigningMethodRS256, rsaKey, w.issuer.rsa, c)
}

// confusedToken is signed with HMAC under the public RSA key, which a verifier
// that believes the token's alg takes for a secret.
func (w *World) confusedToken(c claims) string {
	der, err := x509.MarshalPKIXPublicKey(w.issuer.rsa.Public())
	if err != nil {
		panic(err) // an RSA key can be marshalled
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return sign(jwt.SigningMethodHS256, rsaKey, public, c)
}

// unsignedToken is a token that says it needs no signature.
func unsignedToken(c claims) string {
	return sign(jwt.SigningMethodNone, "", jwt.UnsafeAllowNoneSignatureType, c)
}

// widgetClaims are those of a good token of the chat widget.
func widgetClaims(now time.Time) claims {
	return claims{
		"name":        customerName,
		"email":       "zoe@acme.example",
		"external_id": customerID,
		"iat":         now.Unix(),
		"exp":         now.Add(widgetLifetime).Unix(),
	}
}

// widgetToken is a token that the customer's own server makes for the widget.
func widgetToken(secret string, c claims) string {
	return sign(jwt.SigningMethodHS256, "", []byte(secret), c)
}

// serveToken hands out fresh tokens. A real one would ask who is there.
func (w *World) serveToken(out http.ResponseWriter, r *http.Request) {
	switch now := time.Now(); r.PathValue("kind") {
	case "customer":
		fmt.Fprintln(out, w.customerToken(w.customerClaims(now)))
	case "widget":
		fmt.Fprintln(out, widgetToken(widgetSecret, widgetClaims(now)))
	default:
		http.NotFound(out, r)
	}
}
