package gate

import (
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// credential returns the credential of a member and where it stands. present is
// true where the request has it at all, be it empty or broken.
func (d *Decision) credential(m *member) (value string, at authn.Carrier, present bool, err error) {
	for _, c := range m.Carriers() {
		v, here, e := d.read(c)
		if !here {
			continue
		}
		if present {
			return "", c, true, policy.Deny(policy.MalformedRequest, "the credential is sent twice")
		}
		value, at, present, err = v, c, true, e
	}
	if present && m.rivals != nil {
		return d.contest(m, value, at, err)
	}
	return value, at, present, err
}

// contest settles which authenticator of a route a credential is for where more
// than one reads its carrier. To all others it is not there; what is for none of
// them, or for two alike, is refused in the name of the first.
func (d *Decision) contest(m *member, value string, at authn.Carrier, err error) (string, authn.Carrier, bool, error) {
	var taker *member
	best, tied := authn.NoAffinity, false
	for _, rival := range m.rivals {
		if !slices.ContainsFunc(rival.Carriers(), at.Overlaps) {
			continue // it reads another carrier of m
		}
		affinity := authn.NoAffinity
		if err == nil {
			affinity = rival.Affinity(d.inspect(value))
		}
		if taker == nil || affinity > best {
			taker, best, tied = rival, affinity, false
		} else if affinity == best {
			tied = true
		}
	}
	if err == nil && (best == authn.NoAffinity || tied) && d.inspected.JWS {
		err = policy.Deny(policy.WrongIssuer, "")
	}
	return value, at, taker == m, err
}

// inspect looks at a credential, once.
func (d *Decision) inspect(value string) authn.Unverified {
	if d.inspected.value != value {
		d.inspected.value, d.inspected.Unverified = value, authn.Inspect(value, d.gate.tokenBytes)
	}
	return d.inspected.Unverified
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
