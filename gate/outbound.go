package gate

import (
	"net/http"
	"net/url"
	"slices"

	"postern/authn"
	"postern/policy"
)

// Stripped counts what [Decision.Outbound] removed of the client's identity
// headers, by how they were spelled.
type Stripped struct{ Exact, Alias int }

// Outbound edits the header and the query of an allowed request on its way to
// the upstream. It is the only code that sets or strips identity headers: afterwards the
// header holds those of the verified identity and no others, no credential but
// a verified one that is to be forwarded, and no forwarding header that an
// untrusted peer sent.
func (d *Decision) Outbound(h http.Header, u *url.URL) (stripped Stripped) {
	for name := range h {
		f, canonical := d.gate.fields.field(name)
		if d.keeps(name, f, canonical) {
			continue
		}
		delete(h, name)
		switch {
		case !f.identity:
		case name == canonical:
			stripped.Exact++
		default:
			stripped.Alias++
		}
	}
	d.stripCarriers(h, u)
	if d.Reported == nil {
		d.setHeaders(h)
	}
	d.body = bodyReading{} // nothing reads it again, and the answer may take long
	return stripped
}

func (d *Decision) setHeaders(h http.Header) {
	for _, rendered := range d.Verified.Headers(d.Route.Headers) {
		h[rendered.Name] = rendered.Values
	}
	d.Route.Headers.SetPerCall(h, &d.Verified.Identity, d.resolveRequest)
	if a := d.gate.asserter; a != nil {
		at := d.Made
		if at.IsZero() {
			at = d.request.Time
		}
		h[a.Header()] = d.Verified.Assertion(a, d.Route.Audience, at)
	}
}

// keeps reports whether a field passes after all.
func (d *Decision) keeps(name string, f field, canonical string) bool {
	switch {
	case f.identity, f.use&policy.HopUse != 0:
		return false
	case slices.Contains(d.Route.Strip.Headers, canonical):
		return false
	case f.credential:
		return d.passesCredentials() || slices.ContainsFunc(d.forwarded, func(c authn.Carrier) bool { return c.Header == name })
	case f.use&policy.FramingUse != 0:
		return name == canonical
	case f.use&policy.ForwardingUse != 0:
		return false // the proxy sets those that it vouches for
	}
	return true // only read
}

// PassesForwarding reports whether the upstream may hear of a forwarding header that
// a trusted peer sent, in its canonical spelling: unless it carries a credential or
// is stripped, in which case only [Decision.Outbound] knows.
func (d *Decision) PassesForwarding(name string) bool {
	f, canonical := d.gate.fields.field(name)
	return !f.identity && !f.credential && !slices.Contains(d.Route.Strip.Headers, canonical)
}

// Misleading reports whether a header has a field that only [Decision.Outbound] keeps
// from a backend: an alias of an identity header, or what would have it serve another
// method or path.
func (d *Decision) Misleading(h http.Header) bool {
	for name := range h {
		f, canonical := d.gate.fields.field(name)
		if f.identity && name != canonical || f.use&policy.OverrideUse != 0 {
			return true
		}
	}
	return false
}

// ReservedTrailers counts the identity headers that a client announced as
// trailers; the proxy drops every trailer.
func (d *Decision) ReservedTrailers(trailer http.Header) (n int) {
	for name := range trailer {
		if f, _ := d.gate.fields.field(name); f.identity {
			n++
		}
	}
	return n
}
