package explain

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// mask keeps credentials out of what is shown: all that stands where any
// authenticator reads one, and all that looks like a token.
type mask struct {
	headers, parameters []string
}

func newMask(carriers []authn.Carrier) *mask {
	m := &mask{headers: []string{"Authorization", "Proxy-Authorization", "Cookie"}}
	for _, c := range carriers {
		switch {
		case c.Header != "":
			m.headers = append(m.headers, c.Header)
		case c.Query != "":
			m.parameters = append(m.parameters, c.Query)
		case c.Protocol != "":
			m.headers = append(m.headers, "Sec-Websocket-Protocol")
		}
	}
	return m
}

// value hides a value, but for the scheme before it, the names of cookies, and how
// long it is.
func (m *mask) value(name, value string) string {
	canonical := policy.CanonicalAlias(name)
	switch {
	case canonical == "Cookie":
		return maskCookies(value)
	case canonical == "Sec-Websocket-Protocol" && slices.Contains(m.headers, canonical):
		return maskList(value)
	case canonical == "Authorization" || canonical == "Proxy-Authorization":
		if scheme, credential, found := strings.Cut(value, " "); found {
			return scheme + " " + hidden(credential)
		}
		return hidden(value)
	case slices.Contains(m.headers, canonical) || isToken(value):
		return hidden(value)
	}
	return value
}

// hidden stands for a credential.
func hidden(value string) string { return fmt.Sprintf("<%d bytes>", len(value)) }

// isToken reports whether some part of a value is a JWT.
func isToken(value string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t,;=&\"", r) }),
		func(part string) bool { return authn.Inspect(part, len(part)).JWS })
}

func maskCookies(value string) string {
	pairs := strings.Split(value, ";")
	for i, pair := range pairs {
		name, value, named := strings.Cut(pair, "=")
		if !named {
			name, value = "", pair
		}
		pairs[i] = name + "=" + hidden(strings.TrimSpace(value))
	}
	return strings.Join(pairs, ";")
}

// maskList keeps the first element of a list: the marker before a credential.
func maskList(value string) string {
	elements := strings.Split(value, ",")
	for i := 1; i < len(elements); i++ {
		elements[i] = " " + hidden(strings.TrimSpace(elements[i]))
	}
	return strings.Join(elements, ",")
}

// target hides credentials in the query of a URL or a target.
func (m *mask) target(target string) string {
	path, query, found := strings.Cut(target, "?")
	if !found {
		return target
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(name)
		secret := err != nil || isToken(value)
		for _, parameter := range m.parameters {
			// Whatever some backend might take for the name.
			secret = secret || strings.HasPrefix(strings.ToLower(decoded), strings.ToLower(parameter))
		}
		if secret {
			pairs[i] = name + "=" + hidden(value)
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// header returns a header without credentials.
func (m *mask) header(h http.Header) http.Header {
	masked := http.Header{}
	for name, values := range h {
		for _, value := range values {
			masked[name] = append(masked[name], m.value(name, value))
		}
	}
	return masked
}

// sent is header for fields as they were sent.
func (m *mask) sent(fields []Field) []string {
	list := make([]string, 0, len(fields))
	for _, f := range fields {
		list = append(list, f.Name+": "+m.value(f.Name, f.Value))
	}
	return list
}

// lines writes a header as lines, in the order of the names.
func lines(h http.Header) []string {
	list := []string{}
	for _, name := range slices.Sorted(names(h)) {
		for _, value := range h[name] {
			list = append(list, name+": "+value)
		}
	}
	return list
}

func names(h http.Header) iter.Seq[string] { return maps.Keys(h) }
