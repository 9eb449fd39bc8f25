package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"postern/policy"
)

// Profile verifies opaque tokens: it calls the customer's own profile API with
// them, and believes what that says. It also tells what the API says of the owner
// of a credential that another authenticator has verified. It is safe for
// concurrent use.
type Profile struct {
	opaque
	revocable
	name       string
	settings   ProfileSettings
	reads      []policy.Reference
	headers    []profileHeader
	tokenBytes int
	inquiry    *inquiry
}

// profileHeader is one field that is sent.
type profileHeader struct {
	name     string // canonical
	template *ProfileTemplate
}

// Reads implements [RequestReader].
func (p *Profile) Reads() []policy.Reference { return p.reads }

// Through implements [Inquirer].
func (p *Profile) Through(t http.RoundTripper) { p.inquiry.service.transport = t }

// Retire implements [Inquirer].
func (p *Profile) Retire() { p.inquiry.service.retire() }

// Verify implements [Authenticator]: from the cache, or by asking.
func (p *Profile) Verify(ctx context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	c.Trace.Enter(CheckForm)
	if len(c.Value) > p.tokenBytes {
		return nil, NoCache, malformed("the token is too long")
	}
	address, err := p.settings.URL.url(c.Request)
	if err != nil {
		return nil, NoCache, err
	}
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}, "X-Idempotency-Key": nil}
	// The selector is all that is asked, beside the credential, byte by byte: neither
	// a URL nor a value of a header can hold what separates them.
	selector := address
	for _, h := range p.headers {
		value, err := h.template.header(h.name, c.Value, c.Request)
		if err != nil {
			return nil, NoCache, err
		}
		if header[h.name] = []string{value}; h.template.namesRequest() {
			selector += "\n" + value
		}
	}
	return p.inquiry.answer(ctx, c, selector, at, func() (*http.Request, error) {
		r, err := http.NewRequest(p.settings.Method, address, nil)
		if err != nil {
			return nil, errors.New("the URL cannot be asked")
		}
		r.Header = header
		return r, nil
	})
}

// verify reads the answer. Only a status that is told to says that a credential is
// not good; whatever else is wrong with the answer is no fault of the customer.
func (p *Profile) verify(status int, body []byte, _ time.Time, trace *Trace) (*Verified, error) {
	if slices.Contains(p.settings.InactiveOn, status) {
		return nil, policy.Deny(policy.InactiveToken, "")
	}
	if status != http.StatusOK {
		return nil, policy.Fail(policy.ProfileUnavailable, fmt.Errorf("answered with status %d", status))
	}
	profile, err := policy.ParseObject(body)
	if err != nil {
		return nil, policy.Fail(policy.ProfileUnavailable, errors.New("the answer is no JSON object"))
	}
	v := &Verified{
		Identity:    policy.Identity{Level: policy.Application, Profile: profile, Authenticator: p.name},
		by:          p,
		revocations: p.revocations,
	}
	trace.Enter(CheckCustomer)
	if err := v.nameCustomer(p.settings.CustomerID, p.settings.CustomerIDOptional); err != nil {
		return nil, err
	}
	return v, nil
}
