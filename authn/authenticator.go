package authn

import (
	"context"
	"time"
)

// Authenticator verifies one configured kind of credential. Implementations
// are safe for concurrent use.
type Authenticator interface {
	// Verify checks a credential's value, without its scheme, at a time. Its
	// error is a policy.Denial. The cache use is for accounting.
	Verify(ctx context.Context, credential string, at time.Time) (*Verified, CacheUse, error)
	// Carriers says where a request may carry the credential.
	Carriers() []Carrier
	// ForwardCredential reports whether a verified credential is passed on to
	// the upstream as it came.
	ForwardCredential() bool
}

// CacheUse says what part the token cache had in a verification.
type CacheUse uint8

// The uses; their names are values of the metric label cache.
const (
	NoCache CacheUse = iota
	CacheHit
	CacheMiss
)

var cacheUseNames = [...]string{"none", "hit", "miss"}

// String returns the metric label's value.
func (c CacheUse) String() string { return cacheUseNames[c] }
