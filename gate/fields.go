package gate

import (
	"net/http"
	"strings"

	"postern/policy"
)

// field is what Postern does with a header field of a client.
type field struct {
	use policy.HeaderUse
	// identity: it is set by Postern alone.
	identity bool
	// credential: it carries one somewhere in the configuration.
	credential bool
	// read: a rule or carrier reads it, so that an alias of it could show the
	// backend another value than the one that was checked.
	read bool
}

// fieldTable has a field by its canonical name. It is immutable.
type fieldTable map[string]field

func newFieldTable(s Settings) fieldTable {
	t := fieldTable{}
	for name, use := range policy.HeaderUses() {
		t[name] = field{use: use, credential: use&policy.CredentialUse != 0, read: name == "Authorization"}
	}
	for _, name := range s.IdentityHeaders {
		f := t[http.CanonicalHeaderKey(name)]
		f.identity = true
		t[http.CanonicalHeaderKey(name)] = f
	}
	for _, a := range s.Authenticators {
		for _, carrier := range a.Carriers() {
			switch {
			case carrier.Header != "":
				f := t[carrier.Header]
				f.credential, f.read = true, true
				t[carrier.Header] = f
			case carrier.Cookie != "":
				t.read("Cookie")
			case carrier.Protocol != "":
				t.read("Sec-Websocket-Protocol")
			}
		}
		for _, ref := range reads(a) {
			t.readReference(ref)
		}
	}
	for _, r := range s.Routes {
		for _, rule := range r.Rules {
			t.readReference(rule.Request)
		}
	}
	return t
}

// readReference notes that a part of the request is read.
func (t fieldTable) readReference(ref policy.Reference) {
	switch ref.Source {
	case policy.HeaderField:
		t.read(ref.Name)
	case policy.Cookie:
		t.read("Cookie")
	}
}

func (t fieldTable) read(name string) {
	f := t[name]
	f.read = true
	t[name] = f
}

// field returns the field that a backend might take name for, and the field's own
// name, of which any other is an alias.
func (t fieldTable) field(name string) (f field, canonical string) {
	canonical = policy.CanonicalAlias(name)
	f = t[canonical]
	if policy.IsForwardingFamily(canonical) {
		f.use |= policy.ForwardingUse
	}
	return f, canonical
}

// check refuses header fields that can be read in two ways.
func (t fieldTable) check(h http.Header) error {
	if len(h["Authorization"]) > 1 {
		return policy.Deny(policy.MalformedRequest, "Authorization is sent more than once")
	}
	for name := range h {
		if canonical := policy.CanonicalAlias(name); canonical != name && t[canonical].read {
			return policy.Denyf(policy.MalformedRequest, "a header is another spelling of %s", canonical)
		}
	}
	return checkConnection(h["Connection"])
}

// checkConnection lets Connection name options of the connection alone. Any other name
// would remove an end-to-end header on the way (RFC 9110, section 7.6.1), after it was
// checked.
func checkConnection(fields []string) error {
	for _, field := range fields {
		for option := range strings.SplitSeq(field, ",") {
			switch strings.ToLower(strings.Trim(option, " \t")) {
			case "", "close", "keep-alive", "upgrade", "te", "http2-settings", "proxy-connection":
			default:
				return policy.Deny(policy.MalformedRequest, "Connection names a header that is not its to name")
			}
		}
	}
	return nil
}
