package gate

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"postern/authn"
	"postern/policy"
)

// inquirer is an authenticator whose answer counts for a time.
type inquirer interface {
	authn.Authenticator
	RenewEvery() time.Duration
}

// renewal is a credential of which a service says whether it is good, as what lasts
// asks about it again.
type renewal struct {
	name       string // of the authenticator
	by         inquirer
	credential string
	request    recollection
}

// recollection is what a request had where an authenticator reads, by reference.
type recollection map[string][]string

// Texts implements authn.Request.
func (r recollection) Texts(ref policy.Reference) ([]string, error) { return r[ref.String()], nil }

// RawBody implements authn.Request. Nobody who asks a service reads it.
func (r recollection) RawBody() ([]byte, error) { return nil, nil }

// recollect takes note of a credential that was just verified, where a service has
// to be asked about it again. The body is given up before anybody knows whether the
// exchange lasts.
func (d *Decision) recollect(m *member, credential string) {
	by, asks := m.Authenticator.(inquirer)
	if !asks {
		return
	}
	r := renewal{name: m.name, by: by, credential: credential}
	for _, ref := range reads(m.Authenticator) {
		if r.request == nil {
			r.request = recollection{}
		}
		r.request[ref.String()], _ = d.Texts(ref) // which could be read a moment ago
	}
	d.renewals = append(d.renewals, r)
}

// clone returns a copy that holds nothing of the request.
func (r renewal) clone() renewal {
	r.credential, r.request = strings.Clone(r.credential), maps.Clone(r.request)
	for _, texts := range r.request { // which nobody else has
		for i, text := range texts {
			texts[i] = strings.Clone(text)
		}
	}
	return r
}

// renewedBy returns the renewals as the members of the same names make them, which
// may be of another generation.
func renewedBy(members []*member, renewals []renewal) []renewal {
	renewals = slices.Clone(renewals)
	for i := range renewals {
		for _, m := range members {
			if by, asks := m.Authenticator.(inquirer); asks && m.name == renewals[i].name {
				renewals[i].by = by
			}
		}
	}
	return renewals
}

// ask asks the service, or the answers that are known.
func (r *renewal) ask(ctx context.Context, at time.Time) (*authn.Verified, error) {
	v, _, err := r.by.Verify(ctx, authn.Credential{Value: r.credential, Request: r.request}, at)
	return v, err
}

// RenewEvery returns how often what lasts asks about its credential again, 0 for
// never.
func (a *Admission) RenewEvery() (every time.Duration) {
	for _, r := range a.renewals {
		if own := r.by.RenewEvery(); every == 0 || own < every {
			every = own
		}
	}
	return every
}

// Renew asks again about the credentials that only a service knows, and returns the
// admission by what it says at a time. It waits for the answers, within the bounds of
// those who ask. Its error is a policy.Denial; one for an outage says nothing of the
// credential.
func (a *Admission) Renew(ctx context.Context, at time.Time) (*Admission, error) {
	var verified *authn.Verified
	for _, part := range a.verified.Members() {
		var err error
		i := slices.IndexFunc(a.renewals, func(r renewal) bool { return r.name == part.Authenticator })
		if i >= 0 {
			if part, err = a.renewals[i].ask(ctx, at); err != nil {
				return nil, err
			}
		}
		if verified, err = authn.Merge(verified, part, a.Authenticator); err != nil {
			return nil, err
		}
	}
	if verified.Level != a.verified.Level || !reflect.DeepEqual(verified.Customer, a.verified.Customer) {
		return nil, policy.Deny(policy.IdentityMismatch, "the credential is another customer's now")
	}
	if err := a.Route.Require.Check(&verified.Identity); err != nil {
		return nil, err
	}
	renewed := *a
	renewed.verified = verified
	return &renewed, nil
}
