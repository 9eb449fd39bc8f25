package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"postern/policy"
)

// Inquirer is an authenticator that asks a service about credentials, and so
// holds connections and answers.
type Inquirer interface {
	Authenticator
	// Same reports whether both ask the same in the same way, so that a reload can
	// keep the older one and what it has cached.
	Same(o Inquirer) bool
	// Through makes it ask through another transport than its own. It must be called
	// before the authenticator is in use.
	Through(t http.RoundTripper)
	// Retire closes the connections that no request uses; others are closed when
	// their request ends.
	Retire()
}

// Introspection verifies opaque tokens: it asks the authorization server about
// them (RFC 7662). It is safe for concurrent use.
type Introspection struct {
	opaque
	revocable
	name       string
	settings   IntrospectionSettings
	secret     policy.Secret
	rules      claimRules
	tokenBytes int
	inquiry    *inquiry
}

// Through implements [Inquirer].
func (i *Introspection) Through(t http.RoundTripper) { i.inquiry.service.transport = t }

// Retire implements [Inquirer].
func (i *Introspection) Retire() { i.inquiry.service.retire() }

// Verify implements [Authenticator]: from the cache, or by asking.
func (i *Introspection) Verify(ctx context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	c.Trace.Enter(CheckForm)
	if len(c.Value) > i.tokenBytes {
		return nil, NoCache, malformed("the token is too long")
	}
	return i.inquiry.answer(ctx, c, "", at, func() (*http.Request, error) { return i.request(c.Value) })
}

// request makes the question of RFC 7662, section 2.1.
func (i *Introspection) request(token string) (*http.Request, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if i.settings.ClientAuth == clientAuthPost {
		form.Set("client_id", i.settings.ClientID)
		form.Set("client_secret", string(i.secret))
	}
	r, err := http.NewRequest(http.MethodPost, i.settings.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	// To ask twice does no harm: net/http may, where the server closes an idle
	// connection at that moment. The field itself is not sent.
	r.Header["X-Idempotency-Key"] = nil
	if i.settings.ClientAuth == clientAuthBasic {
		// RFC 6749, section 2.3.1: both are encoded as in a form first.
		r.SetBasicAuth(url.QueryEscape(i.settings.ClientID), url.QueryEscape(string(i.secret)))
	}
	return r, nil
}

// userAgent names Postern to the services that it asks.
const userAgent = "postern"

// verify reads the answer of RFC 7662, section 2.2. Only active: false says that
// a token is not good; whatever else is wrong with the answer is no fault of the
// customer.
func (i *Introspection) verify(status int, body []byte, at time.Time, trace *Trace) (*Verified, error) {
	if status != http.StatusOK {
		return nil, policy.Fail(policy.IntrospectionUnavailable, fmt.Errorf("answered with status %d", status))
	}
	claims, err := policy.ParseObject(body)
	if err != nil {
		return nil, policy.Fail(policy.IntrospectionUnavailable, errors.New("the answer is no JSON object"))
	}
	switch active, ok := claims["active"].(bool); {
	case !ok:
		return nil, policy.Fail(policy.IntrospectionUnavailable, errors.New("the answer does not say whether the token is active"))
	case !active:
		return nil, policy.Deny(policy.InactiveToken, "")
	}
	times, err := i.rules.check(claims, at, trace)
	if policy.ReasonOf(err) == policy.MalformedCredential {
		return nil, policy.Fail(policy.IntrospectionUnavailable, errors.New("a time of the answer is no time"))
	}
	if err != nil {
		return nil, err
	}
	trace.Enter(CheckCustomer)
	return i.identify(claims, &times)
}

// identify makes the identity of a token that passed every check.
func (i *Introspection) identify(claims map[string]any, times *tokenTimes) (*Verified, error) {
	v := &Verified{
		Identity: policy.Identity{
			Level:         policy.Application,
			Claims:        claims,
			Authenticator: i.name,
		},
		by:          i,
		revocations: i.revocations,
	}
	v.bound(times)
	v.Issuer, _ = claims["iss"].(string)
	v.TokenID = policy.IDText(claims["jti"])
	if err := v.nameCustomer(i.settings.CustomerID, i.settings.CustomerIDOptional); err != nil {
		return nil, err
	}
	return v, nil
}
