package authn

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"postern/keys"
	"postern/policy"
)

// KeySet is where an authenticator finds the keys of its tokens.
type KeySet interface {
	// Candidates returns the keys that may have signed a token, without
	// waiting for anything. No keys and no error means that none is live. The
	// tenant selects those of a key ring, and is "" for others.
	Candidates(tenant, keyID, algorithm string, at time.Time) ([]*keys.Key, error)
	// Seek waits, for a bounded time, until a key that was not known is, and
	// otherwise says why it is not.
	Seek(ctx context.Context, keyID string) error
	// Has reports whether a key of this id is there.
	Has(keyID string) bool
}

// JWT verifies signed tokens (RFC 7519) in the order of RFC 8725. It is safe
// for concurrent use.
type JWT struct {
	carried
	revocable
	claimRules
	name       string
	reads      []policy.Reference // what of a request selects the tenant, or nothing
	keys       KeySet
	tokenBytes int
	cache      partition
	// lastHeader is that of the last token that was verified: nearly all tokens of
	// an issuer share theirs, to the byte.
	lastHeader atomic.Pointer[jwsHeader]
}

// Affinity implements [Authenticator].
func (j *JWT) Affinity(u Unverified) Affinity {
	switch {
	case !u.JWS:
		return NoAffinity
	case slices.Contains(j.settings.Issuer, u.Issuer):
		return AcceptIssuer
	case u.KeyID != "" && j.keys.Has(u.KeyID):
		return HoldsKey
	case j.settings.Issuer == nil:
		return AnyIssuer
	}
	return NoAffinity
}

// Verify implements [Authenticator]: from the cache, or afresh.
func (j *JWT) Verify(ctx context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	token, trace := c.Value, c.Trace
	trace.Enter(CheckForm)
	if len(token) > j.tokenBytes {
		return nil, NoCache, malformed("the token is too long")
	}
	requested, err := j.requestedTenant(c.Request, trace)
	if err != nil {
		return nil, NoCache, err
	}
	if v, ok := j.cache.load(requested, token, at); ok {
		return v, CacheHit, nil
	}
	known := j.lastHeader.Load()
	t := c.Inspected.token
	if t == nil {
		if t, err = parseJWS(token, known); err != nil {
			return nil, CacheMiss, err
		}
	}
	v, err := j.verify(ctx, t, j.tenant(t, requested), at, trace)
	if err == nil {
		trace.Enter(CheckRevocation)
		err = v.checkRevoked()
	}
	if err != nil {
		return nil, CacheMiss, err
	}
	if t.jwsHeader != known {
		j.lastHeader.Store(t.jwsHeader)
	}
	j.cache.store(requested, token, v, t.payloadLen, at, time.Time{})
	return v, CacheMiss, nil
}

func (j *JWT) verify(ctx context.Context, t *jws, tenant string, at time.Time, trace *Trace) (*Verified, error) {
	if err := j.checkHeader(t.jwsHeader, trace); err != nil {
		return nil, err
	}
	key, err := j.verifySignature(ctx, t, tenant, at, trace)
	if err != nil {
		return nil, err
	}
	times, err := j.check(t.claims, at, trace)
	if err != nil {
		return nil, err
	}
	trace.Enter(CheckCustomer)
	return j.identify(t.jwsHeader, t.claims, key, tenant, &times)
}

// checkHeader holds the token to the configuration before its key is looked
// up: the token never chooses what it is (RFC 8725, sections 3.1 and 3.11).
func (j *JWT) checkHeader(h *jwsHeader, trace *Trace) error {
	trace.Enter(CheckAlgorithm)
	if !slices.Contains(j.settings.Algorithms, h.algorithm) {
		return policy.Denyf(policy.AlgorithmNotAllowed, "use %s", strings.Join(j.settings.Algorithms, " or "))
	}
	trace.Enter(CheckType)
	// RFC 7515, section 4.1.9: a media type whose application/ may be left out.
	if want := j.settings.Typ; want != "" && !strings.EqualFold(mediaType(h.typ), mediaType(want)) {
		return policy.Denyf(policy.ClaimNotAllowed, "the header's typ must be %s", want)
	}
	return nil
}

func mediaType(typ string) string {
	if strings.Contains(typ, "/") {
		return typ
	}
	return "application/" + typ
}

// verifySignature finds the key that signed the token.
func (j *JWT) verifySignature(ctx context.Context, t *jws, tenant string, at time.Time, trace *Trace) (*keys.Key, error) {
	trace.Enter(CheckKey)
	candidates, err := j.candidates(ctx, t, tenant, at)
	if err != nil {
		return nil, err
	}
	trace.Enter(CheckSignature)
	stale := false
	for _, key := range candidates {
		if key.Stale(at) {
			stale = true
		} else if key.Verify(t.algorithm, t.signingInput, t.signature) == nil {
			return key, nil
		}
	}
	if stale {
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return nil, policy.Deny(policy.BadSignature, "")
}

func (j *JWT) candidates(ctx context.Context, t *jws, tenant string, at time.Time) ([]*keys.Key, error) {
	candidates, err := j.keys.Candidates(tenant, t.keyID, t.algorithm, at)
	if policy.ReasonOf(err) == policy.UnknownKey {
		if err = j.keys.Seek(ctx, t.keyID); err == nil {
			candidates, err = j.keys.Candidates(tenant, t.keyID, t.algorithm, at)
		}
	}
	return candidates, err
}

// identify makes the identity of a token that passed every check.
func (j *JWT) identify(h *jwsHeader, claims map[string]any, key *keys.Key, tenant string, times *tokenTimes) (*Verified, error) {
	v := &Verified{
		Identity: policy.Identity{
			Level:         policy.Application,
			Claims:        claims,
			Key:           key.Members(),
			Attributes:    key.Attributes,
			Authenticator: j.name,
			Tenant:        strings.Clone(tenant), // a part of the request's header buffer
			CredentialID:  key.ID,
		},
		by:          j,
		proof:       h,
		key:         key,
		revocations: j.revocations,
	}
	v.bound(times)
	v.Issuer, _ = claims["iss"].(string)
	v.TokenID = policy.IDText(claims["jti"]) // RFC 7519, section 4.1.7, wants a string; some issuers count
	if key.Symmetric() && !j.settings.Keys.IsKeyring() {
		v.SecretID = key.ID
	}
	if err := v.nameCustomer(j.settings.CustomerID, j.settings.CustomerIDOptional); err != nil {
		return nil, err
	}
	return v, nil
}
