package authn

import (
	"fmt"
	"strings"
	"time"

	"postern/policy"
)

// Describer is an authenticator that can say what its checks compare.
type Describer interface {
	Authenticator
	// Describe says what a check holds against what, nil where the check's name says
	// all. It neither decides nor shows a credential or a secret.
	Describe(check Check, c Credential, at time.Time) []string
}

// describe says what a rule holds claims to.
func (c *claimRules) describe(check Check, claims map[string]any, at time.Time) (list []string) {
	switch s := &c.settings; check {
	case CheckIssuer:
		if s.Issuer == nil {
			return []string{"any iss is accepted"}
		}
		return []string{fmt.Sprintf("iss is %s, wanted: any of %s", policy.Show(claims["iss"]), policy.ShowList(s.Issuer))}
	case CheckTimes:
		return c.describeTimes(claims, at)
	case CheckLifetime:
		return c.describeLifetime(claims)
	case CheckAudience:
		if s.Audience == nil && s.AudienceAll == nil {
			return []string{"any aud is accepted"}
		}
		if s.Audience != nil {
			list = append(list, fmt.Sprintf("aud is %s, wanted: any of %s", policy.Show(claims["aud"]), policy.ShowList(s.Audience)))
		}
		if s.AudienceAll != nil {
			list = append(list, fmt.Sprintf("aud is %s, wanted: all of %s", policy.Show(claims["aud"]), policy.ShowList(s.AudienceAll)))
		}
	case CheckClaims:
		for _, path := range s.RequiredClaims {
			list = append(list, policy.DescribeClaim(claims, path)+", wanted: any value")
		}
		for _, path := range s.ForbiddenClaims {
			list = append(list, policy.DescribeClaim(claims, path)+", wanted: none")
		}
		list = append(list, policy.DescribeClaims(claims, c.claims, s.Scopes)...)
	}
	return list
}

// describeTimes says how far the times of a token are away.
func (c *claimRules) describeTimes(claims map[string]any, at time.Time) (list []string) {
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, present := claims[name]
		if !present {
			continue
		}
		if instant, ok := ClaimedTime(claims, name); ok {
			list = append(list, fmt.Sprintf("%s is %s, %s", name, instant.UTC().Format(time.RFC3339), Ago(instant, at)))
		} else {
			list = append(list, fmt.Sprintf("%s is %s, which is no time", name, policy.Show(value)))
		}
	}
	list = append(list, "clock_skew is "+c.settings.ClockSkew.String())
	if c.settings.MaxAge != nil {
		list = append(list, "max_age is "+c.settings.MaxAge.String())
	}
	return list
}

// describeLifetime says how long a token lives.
func (c *claimRules) describeLifetime(claims map[string]any) (list []string) {
	s := &c.settings
	exp, hasExp := ClaimedTime(claims, "exp")
	iat, hasIat := ClaimedTime(claims, "iat")
	if !hasExp && (s.RequireExp || s.MaxLifetime != nil) {
		list = append(list, "exp is missing")
	}
	if !hasIat && (s.MaxAge != nil || s.MaxLifetime != nil) {
		list = append(list, "iat is missing")
	}
	if hasExp && hasIat && s.MaxLifetime != nil {
		list = append(list, fmt.Sprintf("exp is %s after iat, max_lifetime is %s", days(exp.Sub(iat)), s.MaxLifetime))
	}
	return list
}

// Ago says how far an instant is from now, as people say it.
func Ago(instant, now time.Time) string {
	d := instant.Sub(now).Round(time.Second)
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return days(-d) + " ago"
	}
	return "in " + days(d)
}

// days writes a duration without zeros at its end, and a long one in days.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if shorter, ok := strings.CutSuffix(text, zero); ok && strings.ContainsAny(shorter[len(shorter)-1:], "hm") {
			text = shorter
		}
	}
	return text
}

// ClaimedTime returns the time in a claim; ok is false for any other claim.
func ClaimedTime(claims map[string]any, name string) (at time.Time, ok bool) {
	at, present, err := numericDate(claims, name)
	return at, present && err == nil
}
