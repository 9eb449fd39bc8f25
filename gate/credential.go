package gate

import (
	"context"
	"slices"

	"postern/authn"
	"postern/policy"
)

// alternative is a group of authenticators that a request must satisfy all
// together; most have one member.
type alternative struct {
	members []*member // none for anonymous
	name    string    // of the members, joined with +
}

// member is an authenticator as a route uses it.
type member struct {
	authn.Authenticator
	name    string
	index   int // among the members of the route
	forward bool
	// rivals are other authenticators of the route that read a carrier of this
	// one, this one included; nil where there are none.
	rivals []*member
}

// authenticate holds the request to the first alternative that it carries.
// When that one fails the request is refused: a worse credential never turns
// into another identity, least of all into an anonymous one.
func (g *Gate) authenticate(ctx context.Context, d *Decision) error {
	if n := len(d.compiled.members); n <= len(d.few) {
		d.credentials = d.few[:n]
	} else {
		d.credentials = make([]credential, n)
	}
	if d.compiled.credentialInBody {
		// Whether an unreadable body carries one, nobody can tell.
		if _, err := d.readBody(); err != nil {
			return err
		}
	}
	for i := range d.compiled.alternatives {
		a := &d.compiled.alternatives[i]
		if a.members == nil {
			if d.isAnonymous() {
				d.Authenticator, d.Verified = a.name, g.anonymous
				return nil
			}
			continue
		}
		if slices.ContainsFunc(a.members, d.carries) {
			d.Authenticator = a.name
			return d.verify(ctx, a)
		}
	}
	for _, name := range d.compiled.credentialHeaders {
		if fields := d.request.Header[name]; len(fields) == 1 && fields[0] == "" {
			return policy.Denyf(policy.MalformedCredential, "%s is empty", name)
		}
	}
	return policy.Deny(policy.MissingCredential, "")
}

// verify verifies the credentials of all members, and wants no other.
func (d *Decision) verify(ctx context.Context, a *alternative) error {
	if d.carriesOther(a) {
		return policy.Deny(policy.MalformedRequest, "the request carries more than one credential")
	}
	trace := d.request.Trace
	for _, m := range a.members {
		trace.By(m.name)
		trace.Enter(authn.CheckCredential)
		c := d.credential(m)
		if !c.present {
			return policy.Denyf(policy.MissingCredential, "the credential of %s is missing, too", m.name)
		}
		d.carrier = c.at
		if c.err != nil {
			return c.err
		}
		credential := d.presented(c.value)
		if m.rivals != nil {
			credential.Inspected = d.inspect(c.value)
		}
		v, cache, err := m.Verify(ctx, credential, d.request.Time)
		d.Cache = max(d.Cache, cache)
		if err != nil {
			return err
		}
		d.recollect(m, c.value)
		trace.By("")
		trace.Enter(authn.CheckIdentity)
		if d.Verified == nil || v.Level > d.Verified.Level {
			d.proof = c.value
		}
		if d.Verified, err = authn.Merge(d.Verified, v, a.name); err != nil {
			return err
		}
		if m.forward {
			d.forwarded = append(d.forwarded, c.at)
		}
	}
	return nil
}

// presented is a credential as an authenticator gets it.
func (d *Decision) presented(value string) authn.Credential {
	return authn.Credential{Value: value, Chains: d.request.Certificates, Request: d, Trace: d.request.Trace}
}

// isAnonymous reports whether a request is anonymous on this route. On a public
// route every request is, and what it carries is removed. Beside other
// alternatives only one is that has none of their headers at all, be it empty or
// with another scheme, and no other carrier of theirs.
func (d *Decision) isAnonymous() bool {
	if len(d.compiled.alternatives) == 1 {
		return true
	}
	return !slices.ContainsFunc(d.compiled.credentialHeaders, func(name string) bool {
		_, present := d.request.Header[name]
		return present
	}) && !slices.ContainsFunc(d.compiled.members, d.carries)
}

// carriesOther reports whether the request also carries a credential that the
// alternative does not ask for and another of the route does.
func (d *Decision) carriesOther(a *alternative) bool {
	return slices.ContainsFunc(d.compiled.members, func(m *member) bool {
		return !slices.Contains(a.members, m) && d.carries(m)
	})
}

// carries reports whether the request has the credential of a member, be it
// empty or broken.
func (d *Decision) carries(m *member) bool { return d.credential(m).present }
