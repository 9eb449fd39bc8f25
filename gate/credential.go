package gate

import (
	"context"
	"net/http"
	"slices"

	"postern/authn"
	"postern/policy"
)

// authenticate holds the request to the first alternative that it carries.
// When that one fails the request is refused: a worse credential never turns
// into another identity, least of all into an anonymous one.
func (g *Gate) authenticate(ctx context.Context, r *Request, d *Decision) error {
	for i := range d.compiled.alternatives {
		a := &d.compiled.alternatives[i]
		if a.Authenticator == nil {
			if d.compiled.admitsAnonymous(r.Header) {
				d.Authenticator, d.Verified = a.name, g.anonymous
				return nil
			}
			continue
		}
		value, carrier, present, err := readCredential(r.Header, a.Carriers())
		if !present {
			continue
		}
		d.Authenticator, d.carrier = a.name, carrier
		if err != nil {
			return err
		}
		if d.compiled.carriesOther(r.Header, i) {
			return policy.Deny(policy.MalformedRequest, "the request carries more than one credential")
		}
		d.Verified, d.Cache, err = a.Verify(ctx, value, r.Time)
		d.forward = err == nil && a.forward
		return err
	}
	for _, name := range d.compiled.headers {
		if fields := r.Header[name]; len(fields) == 1 && fields[0] == "" {
			return policy.Denyf(policy.MalformedCredential, "%s is empty", name)
		}
	}
	return policy.Deny(policy.MissingCredential, "")
}

// readCredential reads the one carrier that is present.
func readCredential(h http.Header, carriers []authn.Carrier) (value string, at authn.Carrier, present bool, err error) {
	for _, c := range carriers {
		v, here, e := c.Read(h)
		if !here {
			continue
		}
		if present {
			return "", c, true, policy.Deny(policy.MalformedRequest, "the credential is sent twice")
		}
		value, at, present, err = v, c, true, e
	}
	return value, at, present, err
}

// admitsAnonymous reports whether a request is anonymous on this route. On a
// public route every request is, and what it carries is removed. Beside other
// alternatives only one is that has none of their headers at all, be it empty or
// with another scheme.
func (r *route) admitsAnonymous(h http.Header) bool {
	return len(r.alternatives) == 1 || !slices.ContainsFunc(r.headers, func(name string) bool {
		_, present := h[name]
		return present
	})
}

// carriesOther reports whether the request also carries a credential of
// another alternative than the one at index chosen.
func (r *route) carriesOther(h http.Header, chosen int) bool {
	for i, a := range r.alternatives {
		if i != chosen && a.Authenticator != nil && carried(h, a.Carriers()) {
			return true
		}
	}
	return false
}
