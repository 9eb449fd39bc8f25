package forwardauth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// The two families of headers in which proxies tell what they ask about. Of a
// family all must be there: what one leaves out, a client could have sent.
const (
	forwardedMethod, forwardedURI, forwardedHost = "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"
	originalMethod, originalURI                  = "X-Original-Method", "X-Original-Uri"
)

// described is what a family tells.
type described struct{ method, uri, host string }

// describe returns the request that a trusted proxy asks about, as it would have
// come here but for its body. Its error is a policy.Denial: where both families
// are there, one is a client's; where there is none, the proxy is not configured to
// ask.
func describe(question *http.Request) (*http.Request, error) {
	d, err := read(question)
	if err != nil {
		return nil, err
	}
	// As net/http reads a request line (RFC 9112, section 3).
	if !httpguts.ValidHeaderFieldName(d.method) || !strings.HasPrefix(d.uri, "/") || strings.ContainsFunc(d.uri, notInTarget) {
		return nil, policy.Deny(policy.MalformedRequest, "the proxy asks about no request for a path")
	}
	target, err := url.ParseRequestURI(d.uri)
	if err != nil {
		return nil, policy.Deny(policy.MalformedRequest, "the target is not a path")
	}
	r := new(http.Request)
	*r = *question
	r.Method, r.URL, r.RequestURI, r.Host = d.method, target, d.uri, d.host
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	r.Proto = "HTTP/1.1"
	r.Header, r.Trailer = maps.Clone(question.Header), announced(question)
	describeUpgrade(r.Header)
	return r, nil
}

// announced returns the names of the trailers that the request has, by its Trailer
// (RFC 9110, section 6.6.2). net/http takes that out of the header only where a body
// in chunks follows, which a question hardly has.
func announced(question *http.Request) http.Header {
	trailers := maps.Clone(question.Trailer)
	for _, field := range question.Header["Trailer"] {
		for name := range strings.SplitSeq(field, ",") {
			if trailers == nil {
				trailers = http.Header{}
			}
			trailers[strings.TrimSpace(name)] = nil
		}
	}
	return trailers
}

// notInTarget reports whether a request line could not hold a character.
func notInTarget(r rune) bool { return r <= ' ' || r == 0x7f }

// read reads both families.
func read(question *http.Request) (d described, err error) {
	var values [5]string
	for i, name := range [...]string{forwardedMethod, forwardedURI, forwardedHost, originalMethod, originalURI} {
		switch fields := question.Header[name]; len(fields) {
		case 0:
		case 1:
			values[i] = fields[0]
		default:
			return d, policy.Denyf(policy.MalformedRequest, "%s is sent more than once", name)
		}
	}
	forwarded, original := described{values[0], values[1], values[2]}, described{values[3], values[4], question.Host}
	isForwarded, isOriginal := forwarded.method != "" || forwarded.uri != "", original.method != "" || original.uri != ""
	switch {
	case isForwarded && isOriginal:
		// Also where they agree: the host could be that of either.
		return d, policy.Deny(policy.MalformedRequest, "the request is described by X-Forwarded-* and by X-Original-*")
	case isForwarded:
		return forwarded, forwarded.check(forwardedMethod, forwardedURI, forwardedHost)
	case !isOriginal:
		return d, policy.Fail(policy.Internal, errNothingAsked)
	case forwarded.host != "" && policy.NormalizeHost(forwarded.host) != policy.NormalizeHost(original.host):
		return d, policy.Deny(policy.MalformedRequest, "X-Forwarded-Host and Host name two hosts")
	}
	return original, original.check(originalMethod, originalURI, "Host")
}

var errNothingAsked = errors.New("the proxy that asks says neither X-Forwarded-Method, -Uri and -Host nor X-Original-Method and -URI")

// check wants the whole of a family, whose headers have these names.
func (d described) check(names ...string) error {
	for i, value := range [...]string{d.method, d.uri, d.host} {
		if value == "" {
			return policy.Fail(policy.Internal, fmt.Errorf("the proxy that asks does not say %s", names[i]))
		}
	}
	return nil
}

// describeUpgrade makes the header that of a websocket's handshake where it is
// one: Upgrade and Connection are for the next server (RFC 9110, section 7.6.1),
// so that a proxy may have removed them, or sent its own. What else Connection names
// is looked at with the rest: it may be the client's.
func describeUpgrade(h http.Header) {
	if h["Upgrade"] == nil && h["Sec-Websocket-Key"] == nil {
		return
	}
	if h["Upgrade"] == nil {
		h["Upgrade"] = []string{"websocket"}
	}
	h["Connection"] = append(slices.Clip(h["Connection"]), "Upgrade")
}
