package authn

import "time"

// What a service has said of a credential counts for a request; what lasts longer
// has to ask again.

// defaultRenewal is how often that is where every request asks for itself.
const defaultRenewal = 30 * time.Second

func (i *inquiry) renewEvery() time.Duration {
	if i.ttl == 0 {
		return defaultRenewal
	}
	return i.ttl
}

// RenewEvery returns how often who relies on an identity for longer than a request
// asks again.
func (i *Introspection) RenewEvery() time.Duration { return i.inquiry.renewEvery() }

// RenewEvery returns how often who relies on an identity for longer than a request
// asks again.
func (p *Profile) RenewEvery() time.Duration { return p.inquiry.renewEvery() }
