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
	// schemes and markers are the words before a credential that are shown. Any other
	// one may be the credential, or a part of it.
	schemes, markers []string
}

func newMask(carriers []authn.Carrier) *mask {
	m := &mask{
		headers: []string{"Authorization", "Proxy-Authorization", "Cookie"},
		schemes: []string{"Basic", "Bearer"},
	}
	for _, c := range carriers {
		if c.Scheme != "" {
			m.schemes = append(m.schemes, c.Scheme)
		}
		switch {
		case c.Header != "":
			m.headers = append(m.headers, c.Header)
		case c.Query != "":
			m.parameters = append(m.parameters, c.Query)
		case c.Protocol != "":
			m.headers = append(m.headers, "Sec-Websocket-Protocol")
			m.markers = append(m.markers, c.Protocol)
		}
	}
	return m
}

// value hides a value, but for the scheme before it, the names of cookies, and how
// long it is. Of a URL, such as that of Referer, it hides what [mask.target] does.
func (m *mask) value(name, value string) string {
	canonical := policy.CanonicalAlias(name)
	switch {
	case canonical == "Cookie":
		return maskCookies(value)
	case canonical == "Sec-Websocket-Protocol" && slices.Contains(m.headers, canonical):
		return m.maskList(value)
	case canonical == "Authorization" || canonical == "Proxy-Authorization":
		if scheme, credential, found := strings.Cut(value, " "); found && isOneOf(m.schemes, scheme) {
			return scheme + " " + hidden(credential)
		}
		return hidden(value)
	case slices.Contains(m.headers, canonical) || isToken(value):
		return hidden(value)
	case strings.Contains(value, "?"):
		return m.target(value)
	}
	return value
}

// isOneOf reports whether a word is in a list, in whatever case.
func isOneOf(list []string, word string) bool {
	return slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, word) })
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

// maskList keeps the markers before a credential in a list.
func (m *mask) maskList(value string) string {
	elements := strings.Split(value, ",")
	for i, element := range elements {
		if element = strings.TrimSpace(element); !isOneOf(m.markers, element) {
			element = hidden(element)
		}
		elements[i] = element
	}
	return strings.Join(elements, ", ")
}

// target hides credentials in the query of a URL or a target, and the parameters of
// its path, which no authenticator reads, but many a session stands in.
func (m *mask) target(target string) string {
	path, query, found := strings.Cut(target, "?")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = maskParameters(segment)
	}
	path = strings.Join(segments, "/")
	if !found {
		return path
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		pairs[i] = m.pair(pair)
	}
	return path + "?" + strings.Join(pairs, "&")
}

// maskParameters hides what follows the semicolons of a path's segment.
func maskParameters(segment string) string {
	parts := strings.Split(segment, ";")
	for i, part := range parts[1:] {
		if name, value, named := strings.Cut(part, "="); named {
			parts[i+1] = name + "=" + hidden(value)
		} else {
			parts[i+1] = hidden(part)
		}
	}
	return strings.Join(parts, ";")
}

// pair hides a credential in a part of a query. A semicolon may separate two
// parameters or belong to a value: all that is behind a secret name is hidden.
func (m *mask) pair(pair string) string {
	first, rest, divided := strings.Cut(pair, ";")
	name, _, named := strings.Cut(first, "=")
	switch value := strings.TrimPrefix(pair[len(name):], "="); {
	case m.isSecret(name) || named && isToken(value):
		return name + "=" + hidden(value)
	case isToken(first):
		first = hidden(first)
	}
	if divided {
		return first + ";" + m.pair(rest)
	}
	return first
}

// isSecret reports whether some backend might take the name of a parameter for that
// of a credential.
func (m *mask) isSecret(name string) bool {
	decoded, err := url.QueryUnescape(name)
	return err != nil || slices.ContainsFunc(m.parameters, func(parameter string) bool {
		return strings.HasPrefix(strings.ToLower(decoded), strings.ToLower(parameter))
	})
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
