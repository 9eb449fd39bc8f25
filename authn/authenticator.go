package authn

import (
	"context"
	"crypto/x509"
	"time"

	"postern/policy"
)

// Authenticator verifies one configured kind of credential. Implementations
// are safe for concurrent use.
type Authenticator interface {
	// Verify checks a credential at a time. Its error is a policy.Denial. The
	// cache use is for accounting.
	Verify(ctx context.Context, c Credential, at time.Time) (*Verified, CacheUse, error)
	// Affinity says how surely a credential is for this authenticator and not for
	// another one that reads the same carrier.
	Affinity(u Unverified) Affinity
	// Carriers says where a request may carry the credential.
	Carriers() []Carrier
	// ForwardCredential reports whether a verified credential is passed on to
	// the upstream as it came.
	ForwardCredential() bool
	// Vouch returns what the authenticator makes now of an identity that the one of
	// its name gave before, perhaps in another generation: the same one, or another
	// with the bounds that hold now. The time says which keys count; whether the
	// identity's own is over, [Verified.Lapsed] says. Its error is a policy.Denial.
	Vouch(v *Verified, at time.Time) (*Verified, error)
	// Heed ties the identities to the list of what is revoked. It must be called
	// before the authenticator is in use.
	Heed(list *Revocations)
}

// RequestReader is an authenticator that reads more of a request than its
// carriers.
type RequestReader interface {
	Authenticator
	// Reads returns every reference that it asks [Request.Texts] for: a request
	// in which one of them has a second spelling is refused.
	Reads() []policy.Reference
}

// Credential is what a request carried.
type Credential struct {
	// Value is the credential without its scheme, "" for a certificate.
	Value string
	// Inspected is what [Inspect] found in Value, zero where nobody looked.
	Inspected Unverified
	// Chains are those of the client's certificate, each from that one to an
	// authority, as the TLS handshake has verified them; nil without one.
	Chains [][]*x509.Certificate
	// Request is what it came with, for those that verify more than the value.
	Request Request
	// Trace is told each check; nil for nobody.
	Trace *Trace
}

// Request gives an authenticator parts of the request.
type Request interface {
	// Texts returns every text that the request has where ref points; the text of
	// an integer is its digits. Its error is a policy.Denial.
	Texts(ref policy.Reference) ([]string, error)
	// RawBody returns the body as it came. Its error is a policy.Denial.
	RawBody() ([]byte, error)
}

// Affinity orders authenticators that could take one credential.
type Affinity uint8

// The affinities, from none to the surest.
const (
	NoAffinity   Affinity = iota
	AnyIssuer             // takes tokens of any issuer, or anything that is no JWT
	HoldsKey              // has the key that the token names
	AcceptIssuer          // accepts the issuer that the token names
)

// CacheUse says what part the token cache had in a verification.
type CacheUse uint8

// The uses, in the order in which a group counts them: a miss outweighs a hit.
// Their names are values of the metric label cache.
const (
	NoCache CacheUse = iota
	CacheHit
	CacheMiss
)

var cacheUseNames = [...]string{"none", "hit", "miss"}

// String returns the metric label's value.
func (c CacheUse) String() string { return cacheUseNames[c] }
