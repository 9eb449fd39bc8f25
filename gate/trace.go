package gate

import (
	"fmt"
	"slices"

	"postern/authn"
	"postern/policy"
)

// Trace is told how a decision comes about.
type Trace = authn.Trace

// trace completes the trace of a decision that ended with err.
func (d *Decision) trace(err error) {
	t := d.request.Trace
	t.Steps[len(t.Steps)-1].Err = err
	for i := range t.Steps {
		step := &t.Steps[i]
		switch {
		case step.By != "":
			step.Compared = d.describeAuthenticator(step)
			step.Unverified = step.Compared != nil && step.Check.PrecedesSignature()
		case step.Compared == nil:
			step.Compared = d.describeStep(step.Check)
		}
	}
	if d.credentials != nil {
		d.traceAlternatives(t)
	}
}

// describeAuthenticator says what an authenticator compared.
func (d *Decision) describeAuthenticator(step *authn.Step) []string {
	for _, m := range d.compiled.members {
		if m.name == step.By {
			return describe(m.Authenticator, step.Check, d.presented(d.credential(m).value), d)
		}
	}
	for i, rule := range d.Route.Rules {
		if rule.With == step.By {
			return describe(d.compiled.profiles[i], step.Check, d.presented(d.proof), d)
		}
	}
	return nil
}

func describe(a authn.Authenticator, check authn.Check, c authn.Credential, d *Decision) []string {
	if describer, ok := a.(authn.Describer); ok {
		return describer.Describe(check, c, d.request.Time)
	}
	return nil
}

// describeStep says what the gate itself compared.
func (d *Decision) describeStep(check authn.Check) (list []string) {
	switch h := d.request.Header; check {
	case authn.CheckRoute:
		if pattern := d.Pattern(); pattern != nil {
			list = append(list, "the pattern is "+pattern.String())
			for _, name := range pattern.Wildcards() {
				value, _ := d.values.Get(name)
				list = append(list, fmt.Sprintf("path.%s is %s", name, policy.Show(value)))
			}
		}
	case authn.CheckPreflight:
		list = append(list, "Origin is "+policy.ShowList(h["Origin"]),
			"Access-Control-Request-Method is "+policy.ShowList(h["Access-Control-Request-Method"]))
	case authn.CheckUpgrade:
		list = append(list, "the client asks for a websocket")
	case authn.CheckOrigin:
		if len(h["Origin"]) == 0 {
			return []string{"the request has no Origin: it comes from no browser"}
		}
		list = append(list, fmt.Sprintf("Origin is %s, wanted: any of %s", policy.ShowList(h["Origin"]), policy.ShowList(d.Route.Origins)))
	case authn.CheckRequirement:
		list = d.Route.Require.Describe(&d.Verified.Identity)
	}
	return list
}

// traceAlternatives says what the request has for each alternative.
func (d *Decision) traceAlternatives(t *authn.Trace) {
	chosen := slices.IndexFunc(d.compiled.alternatives, func(a alternative) bool { return a.name == d.Authenticator })
	for i := range d.compiled.alternatives {
		a := &d.compiled.alternatives[i]
		traced := authn.TracedAlternative{Name: a.name, Chosen: i == chosen}
		for _, m := range a.members {
			traced.Members = append(traced.Members, d.traceCredential(m))
		}
		carried := slices.ContainsFunc(a.members, d.carries)
		switch {
		case a.members == nil && len(d.compiled.alternatives) == 1:
			traced.Why = "the route is public"
		case a.members == nil && traced.Chosen:
			traced.Why = "the request carries no credential"
		case a.members == nil:
			traced.Why = "the request carries what may be a credential"
		case traced.Chosen:
			traced.Why = "the first one that is carried"
		case carried:
			traced.Why = "carried, too"
		default:
			traced.Why = "not carried"
		}
		t.Alternatives = append(t.Alternatives, traced)
	}
}

func (d *Decision) traceCredential(m *member) authn.TracedCredential {
	c := d.credential(m)
	traced := authn.TracedCredential{Authenticator: m.name, Carriers: m.Carriers()}
	if c.present {
		traced.Found, traced.At, traced.Value = true, c.at, c.value
		if c.err != nil {
			traced.Why = policy.AsDenial(c.err).Sentence()
		}
		traced.Says = authn.Inspect(c.value, d.gate.tokenBytes)
		return traced
	}
	for _, rival := range m.rivals {
		if other := d.credential(rival); other.present && c.at.Overlaps(other.at) {
			traced.Why = fmt.Sprintf("what stands in %s is for %s", c.at, rival.name)
		}
	}
	for _, at := range m.Carriers() {
		if traced.Why == "" && at.Header != "" && len(d.request.Header[at.Header]) > 0 {
			traced.Why = at.Header + " has another scheme"
		}
	}
	return traced
}
