package keys

import (
	"context"
	"time"

	"postern/policy"
)

// Offline is a remote source as far as it is known without asking it. It is
// immutable and safe for concurrent use.
type Offline struct {
	set *set // nil without keys
	// whole: no other key will come.
	whole bool
}

// NewOffline returns a source that publishes a document and will never publish
// another one. The error says why serve would not take it.
func NewOffline(s RemoteSettings, document []byte) (*Offline, error) {
	published, err := s.parse(document)
	if err != nil {
		return nil, err
	}
	return &Offline{set: newSet(published.Keys), whole: true}, nil
}

// NewOfflineCopy returns a source of which the last good copy is known, where
// there is one that may be used at a time: without it, o has no keys. The error
// says why a copy may not be used; o is good also then. Nothing is written.
func NewOfflineCopy(source string, s RemoteSettings, at time.Time) (o *Offline, err error) {
	o = &Offline{}
	if s.StateDir == "" {
		return o, nil
	}
	_, published, err := s.lastGood(source, at)
	if err == nil && published != nil {
		o.set = newSet(published.Keys)
	}
	return o, err
}

// Len returns the number of keys.
func (o *Offline) Len() int {
	if o.set == nil {
		return 0
	}
	return len(o.set.keys)
}

// Candidates is [Remote.Candidates].
func (o *Offline) Candidates(_, kid, algorithm string, at time.Time) ([]*Key, error) {
	if o.set == nil {
		return nil, policy.Deny(policy.KeysUnavailable, "")
	}
	return o.set.candidates(kid, algorithm, at)
}

// Seek says why a kid has no key, at once: [policy.UnknownKey] where no other key
// will come, [policy.KeysPending] where the source might have it, and
// [policy.KeysUnavailable] without any keys.
func (o *Offline) Seek(_ context.Context, kid string) error {
	switch {
	case o.set == nil:
		return policy.Deny(policy.KeysUnavailable, "")
	case o.set.has(kid):
		return nil
	case o.whole:
		return policy.Deny(policy.UnknownKey, "")
	}
	return policy.Deny(policy.KeysPending, "")
}

// Has reports whether a key of this id is there.
func (o *Offline) Has(kid string) bool { return o.set != nil && o.set.has(kid) }
