package explain

import (
	"time"

	"postern/authn"
	"postern/policy"
)

// addTrace says which alternatives and checks there were, and what came of them.
func (r *Report) addTrace(t *authn.Trace, at time.Time, p *Policy) {
	for _, a := range t.Alternatives {
		for _, c := range a.Members {
			r.scrub.add(c.Value)
		}
		alternative := AlternativeReport{Name: a.Name, Chosen: a.Chosen, Why: a.Why, Credentials: []CredentialReport{}}
		for _, c := range a.Members {
			alternative.Credentials = append(alternative.Credentials, credentialReport(&c, at))
		}
		r.Alternatives = append(r.Alternatives, alternative)
	}
	for _, s := range t.Steps {
		step := StepReport{Check: s.Check, Authenticator: s.By, Rule: s.Rule, Outcome: passed, Compared: s.Compared, Unverified: s.Unverified}
		switch {
		case s.Err != nil:
			step.Outcome = denied
		case s.Skipped:
			step.Outcome = skipped
		}
		if s.Check == authn.CheckKey {
			step.Keys = p.Keys[s.By]
		}
		r.Steps = append(r.Steps, step)
	}
}

func credentialReport(c *authn.TracedCredential, at time.Time) CredentialReport {
	report := CredentialReport{Authenticator: c.Authenticator, Found: c.Found, Why: c.Why, Bytes: len(c.Value)}
	if c.Found {
		report.Places = []string{place(c.At)}
		report.Unverified = unverified(&c.Says, at)
		return report
	}
	for _, carrier := range c.Carriers {
		report.Places = append(report.Places, place(carrier))
	}
	return report
}

func place(c authn.Carrier) string {
	if c.Scheme == "" {
		return c.String()
	}
	return c.String() + " with the scheme " + c.Scheme
}

// unverified says what a token that nobody has verified says of itself.
func unverified(u *authn.Unverified, at time.Time) []string {
	if !u.JWS {
		return nil
	}
	algorithm, typ := u.Header()
	list := []string{"a JWT, alg is " + policy.Show(algorithm)}
	for _, member := range [][2]string{{"kid", u.KeyID}, {"typ", typ}} {
		if member[1] != "" {
			list[0] += ", " + member[0] + " is " + policy.Show(member[1])
		}
	}
	for _, name := range []string{"iss", "aud", "sub", "iat", "nbf", "exp"} {
		value, present := u.Claims()[name]
		if !present {
			continue
		}
		text := policy.Show(value)
		if instant, ok := authn.ClaimedTime(u.Claims(), name); ok {
			text = instant.UTC().Format(time.RFC3339) + ", " + authn.Ago(instant, at)
		}
		list = append(list, name+" is "+text)
	}
	return list
}
