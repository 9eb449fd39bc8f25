package gate

import (
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// credential is what a request has for a member.
type credential struct {
	value string
	at    authn.Carrier
	// present says that the request has it at all, be it empty or broken.
	present bool
	err     error
	known   bool // everything above is
}

// credential returns the credential of a member, which is read the first time that
// it is asked for.
func (d *Decision) credential(m *member) *credential {
	c := &d.credentials[m.index]
	if !c.known {
		d.readCredential(m, c)
		c.known = true
	}
	return c
}

func (d *Decision) readCredential(m *member, c *credential) {
	for _, at := range m.Carriers() {
		value, here, err := d.read(at)
		if !here {
			continue
		}
		if c.present {
			*c = credential{at: at, present: true, err: policy.Deny(policy.MalformedRequest, "the credential is sent twice")}
			return
		}
		*c = credential{value: value, at: at, present: true, err: err}
	}
	if c.present && m.rivals != nil {
		d.contest(m, c)
	}
}

// contest settles which authenticator of a route a credential is for where more
// than one reads its carrier. To all others it is not there; what is for none of
// them, or for two alike, is refused in the name of the first.
func (d *Decision) contest(m *member, c *credential) {
	var taker *member
	best, tied := authn.NoAffinity, false
	for _, rival := range m.rivals {
		if !slices.ContainsFunc(rival.Carriers(), c.at.Overlaps) {
			continue // it reads another carrier of m
		}
		affinity := authn.NoAffinity
		if c.err == nil {
			affinity = rival.Affinity(d.inspect(c.value))
		}
		if taker == nil || affinity > best {
			taker, best, tied = rival, affinity, false
		} else if affinity == best {
			tied = true
		}
	}
	if c.err == nil && (best == authn.NoAffinity || tied) && d.inspected.JWS {
		c.err = policy.Deny(policy.WrongIssuer, "")
	}
	c.present = taker == m
}

// inspect looks at a credential, once.
func (d *Decision) inspect(value string) authn.Unverified {
	if d.inspectedValue != value {
		d.inspectedValue, d.inspected = value, authn.Inspect(value, d.gate.tokenBytes)
	}
	return d.inspected
}

// read looks for a credential on a carrier.
func (d *Decision) read(c authn.Carrier) (value string, present bool, err error) {
	var values []string
	switch h := d.request.Header; {
	case c.Header != "":
		return c.Read(h)
	case c.Certificate:
		return "", d.request.Certificates != nil, nil
	case c.Query != "":
		values, err = appendQuery(nil, d.request.URL.RawQuery, c.Query)
	case c.Cookie != "":
		for name, value := range eachCookie(h["Cookie"]) {
			if name == c.Cookie {
				values = append(values, value)
			}
		}
	case c.Protocol != "":
		values = afterProtocol(h["Sec-Websocket-Protocol"], c.Protocol)
	case c.Body != "":
		values, err = d.bodyTexts(c.Body)
	}
	if err != nil {
		return "", true, err
	}
	return c.ReadValues(values)
}

// afterProtocol returns the subprotocols that follow the marker in
// Sec-WebSocket-Protocol (RFC 6455, section 11.3.4), where a browser can put a
// credential. A marker at the end carries an empty one. Case does not count:
// what is only nearly a credential must not pass for none.
func afterProtocol(fields []string, marker string) []string {
	var values []string
	list := splitList(fields, ",")
	for i, protocol := range list {
		switch {
		case !strings.EqualFold(protocol, marker):
		case i+1 < len(list):
			values = append(values, list[i+1])
		default:
			values = append(values, "")
		}
	}
	return values
}

// splitList returns the elements of a header that is a list. Empty ones do not
// count (RFC 9110, section 5.6.1).
func splitList(fields []string, separator string) []string {
	var list []string
	for _, field := range fields {
		for element := range strings.SplitSeq(field, separator) {
			if element = strings.Trim(element, " \t"); element != "" {
				list = append(list, element)
			}
		}
	}
	return list
}

// bodyTexts returns what stands at a path of the body where a text is wanted.
func (d *Decision) bodyTexts(path string) ([]string, error) {
	named, err := d.bodyPart(path)
	for _, value := range named.Values {
		switch {
		case value == nil:
		case value.IsString():
			text, _ := value.Text()
			named.Texts = append(named.Texts, text)
		default:
			return nil, policy.Deny(policy.MalformedCredential, "the credential in the body is no text")
		}
	}
	return named.Texts, err
}
