package authn

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"postern/policy"
)

// claimRules are what the claims of a token are held to, and those that a service
// answers with in their place.
type claimRules struct {
	settings JWTSettings
	claims   []policy.FixedClaim // of settings.Claims
}

// tokenTimes is what a token's times amount to. Zero is no bound.
type tokenTimes struct {
	expiresAt, issuedAt            time.Time // exp and iat as they stand in the token
	notBefore, issued, end, tooOld time.Time // with clock skew
}

// check holds claims to all rules at a time.
func (c *claimRules) check(claims map[string]any, at time.Time, trace *Trace) (tokenTimes, error) {
	trace.Enter(CheckIssuer)
	if err := c.checkIssuer(claims); err != nil {
		return tokenTimes{}, err
	}
	trace.Enter(CheckTimes)
	times, err := c.times(claims)
	if err == nil {
		err = c.checkClock(&times, at)
	}
	if err == nil {
		err = c.checkLasting(claims, &times, trace)
	}
	return times, err
}

// recheck holds claims that were checked before, perhaps to other rules, to all but
// the clock.
func (c *claimRules) recheck(claims map[string]any) (tokenTimes, error) {
	if err := c.checkIssuer(claims); err != nil {
		return tokenTimes{}, err
	}
	times, err := c.times(claims)
	if err == nil {
		err = c.checkLasting(claims, &times, nil)
	}
	return times, err
}

// checkLasting holds claims to the rules that they keep for ever, or never.
func (c *claimRules) checkLasting(claims map[string]any, t *tokenTimes, trace *Trace) error {
	trace.Enter(CheckLifetime)
	if err := c.checkLifetime(t); err != nil {
		return err
	}
	trace.Enter(CheckAudience)
	if err := c.checkAudience(claims); err != nil {
		return err
	}
	trace.Enter(CheckClaims)
	return c.checkClaims(claims)
}

// times reads exp, nbf and iat (RFC 7519, section 4.1).
func (c *claimRules) times(claims map[string]any) (t tokenTimes, err error) {
	skew := c.settings.ClockSkew.Std()
	exp, hasExp, err := numericDate(claims, "exp")
	if err != nil {
		return t, err
	}
	nbf, hasNbf, err := numericDate(claims, "nbf")
	if err != nil {
		return t, err
	}
	iat, hasIat, err := numericDate(claims, "iat")
	if err != nil {
		return t, err
	}
	if hasExp {
		t.expiresAt, t.end = exp, exp.Add(skew)
	}
	if hasNbf {
		t.notBefore = nbf.Add(-skew)
	}
	if hasIat {
		t.issuedAt, t.issued = iat, iat.Add(-skew)
		if limit := c.settings.MaxAge; limit != nil {
			t.tooOld = iat.Add(limit.Std() + skew)
		}
	}
	return t, nil
}

// checkClock holds the times of a token against the clock.
func (c *claimRules) checkClock(t *tokenTimes, at time.Time) error {
	switch {
	case !t.end.IsZero() && !at.Before(t.end):
		return policy.Deny(policy.TokenExpired, "")
	case at.Before(t.notBefore):
		return policy.Deny(policy.TokenNotYetValid, "")
	case at.Before(t.issued):
		return policy.Deny(policy.IssuedInFuture, "iat is in seconds, and may not be ahead of the clock")
	case !t.tooOld.IsZero() && at.After(t.tooOld):
		return policy.Denyf(policy.TokenTooOld, "iat may be %s ago at most", c.settings.MaxAge)
	}
	return nil
}

// checkLifetime holds the times of a token against each other.
func (c *claimRules) checkLifetime(t *tokenTimes) error {
	limit := c.settings.MaxLifetime
	switch hasExp, hasIat := !t.expiresAt.IsZero(), !t.issuedAt.IsZero(); {
	case !hasExp && (limit != nil || c.settings.RequireExp):
		return missing("exp")
	case !hasIat && (limit != nil || c.settings.MaxAge != nil):
		return missing("iat")
	case limit != nil && t.expiresAt.After(t.issuedAt.Add(limit.Std())):
		return policy.Denyf(policy.LifetimeTooLong, "exp may be %s after iat at most", limit)
	}
	return nil
}

func missing(claim string) error {
	return policy.Denyf(policy.MissingClaim, "%s is missing", claim)
}

// maxNumericDate is where seconds as a double stop being whole: far beyond any
// real date, milliseconds mistaken for seconds included, and far within what
// time.Time can add to.
const maxNumericDate = 1 << 53

// numericDate reads a time claim: a number of seconds since 1970, with or
// without a fraction. A claim of any other kind makes the token malformed.
func numericDate(claims map[string]any, name string) (at time.Time, present bool, err error) {
	value, present := claims[name]
	if !present {
		return time.Time{}, false, nil
	}
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false, malformed(name + " is not a number")
	}
	if seconds, err := strconv.ParseInt(string(number), 10, 64); err == nil && seconds >= 0 && seconds <= maxNumericDate {
		return time.Unix(seconds, 0), true, nil
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return time.Time{}, false, malformed(name + " is out of range")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true, nil
}

func (c *claimRules) checkIssuer(claims map[string]any) error {
	if c.settings.Issuer == nil {
		return nil
	}
	if issuer, ok := claims["iss"].(string); !ok || !slices.Contains(c.settings.Issuer, issuer) {
		return policy.Deny(policy.WrongIssuer, "")
	}
	return nil
}

// checkAudience reads aud as RFC 7519, section 4.1.3, has it: a string or a
// list of strings.
func (c *claimRules) checkAudience(claims map[string]any) error {
	if c.settings.Audience == nil && c.settings.AudienceAll == nil {
		return nil
	}
	audience := policy.StringList(claims["aud"])
	in := func(name string) bool { return slices.Contains(audience, name) }
	if c.settings.Audience != nil && !slices.ContainsFunc(c.settings.Audience, in) {
		return policy.Deny(policy.WrongAudience, "")
	}
	for _, name := range c.settings.AudienceAll {
		if !in(name) {
			return policy.Deny(policy.WrongAudience, "")
		}
	}
	return nil
}

func (c *claimRules) checkClaims(claims map[string]any) error {
	for _, path := range c.settings.RequiredClaims {
		if _, ok := path.Lookup(claims); !ok {
			return missing(path.String())
		}
	}
	for _, path := range c.settings.ForbiddenClaims {
		if path.Holds(claims) {
			return policy.Denyf(policy.ClaimNotAllowed, "%s may not be in the token", path)
		}
	}
	for i := range c.claims {
		if err := c.claims[i].Check(claims); err != nil {
			return err
		}
	}
	return policy.CheckScopes(claims, c.settings.Scopes)
}
