package authn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"postern/policy"
)

// inquiry is what authenticators have in common that ask a service about a
// credential: one question at a time for all who ask the same, and answers that
// are kept for a while. Each authenticator has its own, so that no answer of one
// serves another. It is safe for concurrent use.
type inquiry struct {
	service *service
	ttl     time.Duration
	cache   partition // of what was verified
	// verify reads an answer. Its error is a policy.Denial.
	verify func(status int, body []byte, at time.Time, trace *Trace) (*Verified, error)
	// unavailable is the reason where there is no answer.
	unavailable policy.Reason

	mu       sync.Mutex
	running  map[question]*flight
	refusals *simplelru.LRU[question, refusal]
}

// question stands for everything that an answer depends on.
type question [sha256.Size]byte

// flight is a question that is being asked.
type flight struct {
	done     chan struct{} // closed once the fields below are set
	verified *Verified     // also where it is revoked
	err      error
}

// refusal is what came of an answer by which a credential is not good.
type refusal struct {
	err error
	// revoked would be verified, but for the list in force then; else nil.
	revoked *Verified
	until   time.Time
}

// stands reports whether the refusal still holds at a time.
func (r refusal) stands(at time.Time) bool {
	return at.Before(r.until) && (r.revoked == nil || r.revoked.checkRevoked() != nil)
}

const (
	// maxRefusals bounds what those who guess credentials can have remembered; what
	// was verified is not driven out by it.
	maxRefusals = 4096
	// maxRefusalTTL is short, since a credential that was just issued may not be
	// known everywhere.
	maxRefusalTTL = 5 * time.Second
)

// newInquiry returns an inquiry at a URL of which only scheme and host count; its
// owner sets verify and unavailable.
func newInquiry(s *ServiceSettings, address string, cache *Cache) *inquiry {
	refusals, err := simplelru.NewLRU[question, refusal](maxRefusals, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &inquiry{
		service: newService(s, address), ttl: s.CacheTTL.Std(), cache: cache.partition(),
		running: map[question]*flight{}, refusals: refusals,
	}
}

// answer returns what the service says of a credential; selector is all that goes
// into the question beside it, which request makes. A caller who leaves fails none
// of the others.
func (i *inquiry) answer(
	ctx context.Context, c Credential, selector string, at time.Time, request func() (*http.Request, error),
) (*Verified, CacheUse, error) {
	c.Trace.Enter(CheckAnswer)
	i.mu.Lock()
	if v, ok := i.cache.load(selector, c.Value, at); ok {
		i.mu.Unlock()
		return v, CacheHit, nil
	}
	key := newQuestion(selector, c.Value)
	if r, ok := i.refusals.Get(key); ok && r.stands(at) {
		i.mu.Unlock()
		return nil, CacheHit, r.err
	}
	if running, ok := i.running[key]; ok {
		i.mu.Unlock()
		select {
		case <-running.done:
			return running.verified, CacheMiss, running.err
		case <-ctx.Done():
			return nil, CacheMiss, policy.Deny(policy.ClientClosed, "")
		}
	}
	own := &flight{done: make(chan struct{}), err: errAbandoned}
	i.running[key] = own
	i.mu.Unlock()
	defer i.land(key, own, at)
	// Whoever was first asks for all, and does so to the end: its own client may
	// leave.
	own.verified, own.err = i.ask(context.WithoutCancel(ctx), c, selector, at, request)
	return own.verified, CacheMiss, own.err
}

// errAbandoned is for those who waited for a question that ended in a panic.
var errAbandoned = errors.New("the question was not asked to its end")

// newQuestion hashes what is secret, and long. The length keeps apart where the
// one ends and the other begins.
func newQuestion(selector, credential string) question {
	b := make([]byte, 0, 8+len(selector)+len(credential))
	b = binary.BigEndian.AppendUint64(b, uint64(len(selector)))
	b = append(append(b, selector...), credential...)
	return sha256.Sum256(b)
}

// ask asks the service, and keeps who is verified. With an error it returns the
// identity of a credential that is revoked.
func (i *inquiry) ask(
	ctx context.Context, c Credential, selector string, at time.Time, request func() (*http.Request, error),
) (*Verified, error) {
	r, err := request()
	if err != nil {
		return nil, policy.Fail(i.unavailable, err)
	}
	status, body, err := i.service.ask(ctx, r)
	if err != nil {
		return nil, policy.Fail(i.unavailable, err)
	}
	v, err := i.verify(status, body, at, c.Trace)
	if err != nil {
		return nil, err
	}
	c.Trace.Enter(CheckRevocation)
	if err := v.checkRevoked(); err != nil {
		return v, err
	}
	keep := i.ttl
	if !v.ExpiresAt.IsZero() {
		keep = min(keep, v.ExpiresAt.Sub(at))
	}
	if keep > 0 {
		// Not until ExpiresAt itself, which a clock that is set back puts off.
		i.cache.store(selector, c.Value, v, len(body), at, at.Add(keep))
	}
	return v, nil
}

// land ends a flight, and keeps a refusal that is the credential's fault: an
// outage ends with the next question that is answered.
func (i *inquiry) land(key question, f *flight, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f.err != nil && policy.ReasonOf(f.err).Status() < http.StatusInternalServerError {
		i.refusals.Add(key, refusal{f.err, f.verified.revocable(), at.Add(min(i.ttl, maxRefusalTTL))})
	}
	delete(i.running, key)
	close(f.done)
}
