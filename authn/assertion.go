package authn

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"postern/keys"
)

// Asserter makes identity assertions: JWTs (RFC 7519) that say of an identity what
// Postern has verified. It is immutable and safe for concurrent use.
type Asserter struct {
	header    string
	issuer    string
	ttl       time.Duration
	key       *keys.SigningKey
	protected string // the first part of each assertion
	published []byte
}

func newAsserter(s *AssertionSettings, signing []*keys.SigningKey) *Asserter {
	first := signing[0]
	return &Asserter{
		header: http.CanonicalHeaderKey(s.Header),
		issuer: s.Issuer,
		ttl:    s.TTL.Std(),
		key:    first,
		// Not a type of its own: some verifiers take none but JWT.
		protected: encodePart(map[string]string{"alg": first.Algorithm(), "kid": first.ID(), "typ": "JWT"}),
		published: keys.PublicJWKS(signing),
	}
}

// Header returns the canonical name of the header that carries the assertion.
func (a *Asserter) Header() string { return a.header }

// JWKS returns the JWK set with which assertions are verified, nil where nobody
// makes any. It must not be changed.
func (a *Asserter) JWKS() []byte {
	if a == nil {
		return nil
	}
	return a.published
}

// assertedClaims are those of RFC 7519, section 4.1, and what Postern adds.
type assertedClaims struct {
	Issuer string `json:"iss"`
	// Subject is as the header template {customer_id} has it before it is encoded;
	// absent below level customer.
	Subject       string `json:"sub,omitempty"`
	Audience      string `json:"aud"`
	IssuedAt      int64  `json:"iat"`
	Expires       int64  `json:"exp"`
	ID            string `json:"jti"`
	Level         string `json:"level"`
	Tenant        string `json:"tenant,omitempty"`
	Authenticator string `json:"authenticator"`
	// IDs are those of a customer whose id is an object.
	IDs map[string]any `json:"ids,omitempty"`
}

// assertion is one that was made, and may be sent again.
type assertion struct {
	by       *Asserter
	audience string
	// values has one element, which requests share.
	values      []string
	made, renew time.Time
}

// serves reports whether the assertion can be sent at a time. Half of its life is
// left then, so that it does not end on its way.
func (a *assertion) serves(by *Asserter, audience string, at time.Time) bool {
	return a.by == by && a.audience == audience && at.Before(a.renew) && !at.Before(a.made)
}

// maxAssertions bounds how many an identity keeps: one for each of some upstreams.
const maxAssertions = 4

// Assertion returns the header values, exactly one, that assert the identity to an
// audience at a time at which it stands. It must not be changed. Requests with the
// same credential share one until half of its life is over: a signature costs more
// than the rest of a decision.
func (v *Verified) Assertion(a *Asserter, audience string, at time.Time) []string {
	var fresh *assertion
	for {
		known := v.asserted.Load()
		var kept []assertion
		if known != nil {
			for _, one := range *known {
				if one.serves(a, audience, at) {
					return one.values
				}
				if one.by == a && one.audience != audience {
					kept = append(kept, one)
				}
			}
		}
		if fresh == nil {
			fresh = a.assert(v, audience, at)
		}
		list := append([]assertion{*fresh}, kept[:min(len(kept), maxAssertions-1)]...)
		if v.asserted.CompareAndSwap(known, &list) {
			return fresh.values
		}
	}
}

func (a *Asserter) assert(v *Verified, audience string, at time.Time) *assertion {
	end := a.end(v, at)
	claims := assertedClaims{
		Issuer:        a.issuer,
		Audience:      audience,
		IssuedAt:      at.Unix(),
		Expires:       end.Unix(),
		ID:            rand.Text(),
		Level:         v.Level.String(),
		Tenant:        v.Tenant,
		Authenticator: v.Authenticator,
	}
	if subject, ok := v.Subject(); ok {
		claims.Subject = subject
		claims.IDs, _ = v.Customer.(map[string]any)
	}
	input := a.protected + "." + encodePart(claims)
	token := input + "." + base64.RawURLEncoding.EncodeToString(a.key.Sign(input))
	return &assertion{a, audience, []string{token}, at, at.Add(end.Sub(at) / 2)}
}

// end returns when an assertion that is made at a time ends: never after its
// credential, or, where that is only let through for the difference of clocks, not
// after that is over; and never after the key that verified it, with which the
// credential ends too.
func (a *Asserter) end(v *Verified, at time.Time) time.Time {
	end := at.Add(a.ttl)
	if v.ExpiresAt.After(at) {
		end = earliest(end, v.ExpiresAt)
	}
	for _, member := range v.Members() {
		end = earliest(end, earliest(member.expires, member.tooOld))
		if member.key != nil {
			end = earliest(end, member.key.NotAfter)
		}
	}
	return end
}

// encodePart returns a part of a compact JWS (RFC 7515, section 7.1).
func encodePart(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		panic(err) // all of it is text or was JSON
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
