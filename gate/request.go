package gate

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"postern/authn"
	"postern/policy"
)

// Request is what the gate decides about. Nothing in it is changed.
type Request struct {
	Method string
	Host   string
	// Proto is the version of HTTP that the client speaks, such as HTTP/1.1.
	Proto string
	// Target is the request line's target as it came.
	Target string
	URL    *url.URL
	Header http.Header
	// Certificates are the verified chains of the client's certificate (see
	// [authn.Credential]); nil where the connection has none.
	Certificates [][]*x509.Certificate
	// Body is nil where the request has none.
	Body Body
	// Time is the moment of the decision.
	Time time.Time
	// ID names the request in logs and denials.
	ID string
	// Trace is told how the decision comes about; nil for nobody.
	Trace *authn.Trace
}

// path returns the escaped path as it will be forwarded.
func (r *Request) path() string {
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/" // http://host in absolute form
}

// namesOneHost reports whether all that names a host names the same. In HTTP/1.1
// net/http makes them one; in HTTP/2 a field Host may stand beside :authority, and
// :path may be a whole URL, though neither should (RFC 9113, section 8.3.1).
func (r *Request) namesOneHost() bool {
	if r.URL.Host != "" && r.URL.Host != r.Host {
		return false
	}
	return !slices.ContainsFunc(r.Header["Host"], func(host string) bool { return host != r.Host })
}

var standardMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions}

// isHost reports whether host is a name or an address, with or without a port; empty
// where an old client sends none.
func isHost(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port := host[i+1:]
		if len(port) > 5 || !consistsOf(port, isDigit) {
			return false
		}
		host = host[:i]
	}
	if address, bracketed := strings.CutPrefix(host, "["); bracketed {
		address, closed := strings.CutSuffix(address, "]")
		return closed && address != "" && consistsOf(address, isAddressByte)
	}
	return consistsOf(host, isNameByte)
}

func consistsOf(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAddressByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' || c == ':' || c == '.'
}

func isNameByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '_' || c == '-'
}

// checkRequestLine refuses what is no ordinary request for a path.
func checkRequestLine(r *Request) error {
	switch method := strings.ToUpper(r.Method); {
	case method == http.MethodConnect || method == http.MethodTrace:
		return policy.Denyf(policy.MalformedRequest, "%s is not served", method)
	case !httpguts.ValidHeaderFieldName(r.Method):
		// A token, as the name of a field is (RFC 9110, section 9.1). By HTTP/2 another
		// one may come, with a space and what looks like a target behind it.
		return policy.Deny(policy.MalformedRequest, "the method is not one")
	case method != r.Method && slices.Contains(standardMethods, method):
		// Some backends take get for GET, which may have a route of its own.
		return policy.Deny(policy.MalformedRequest, "the method is written in lower case")
	case !isHost(r.Host):
		// What is no name, address or port is read in as many ways as there are
		// backends, and net/http rewrites some of it.
		return policy.Deny(policy.MalformedRequest, "the Host is not one")
	case !r.namesOneHost():
		return policy.Deny(policy.MalformedRequest, "the request names two hosts")
	case r.URL.Opaque != "" || r.URL.Path == "*":
		return policy.Deny(policy.MalformedRequest, "the target is not a path")
	case r.URL.Host != "" && r.URL.Host != r.Host:
		// HTTP/2 lets the :path have a host of its own (RFC 9113, section 8.3.1).
		return policy.Deny(policy.MalformedRequest, "the target names another host")
	case strings.Contains(r.Target, "#"):
		// net/url escapes it; a backend that sees it raw may cut there.
		return policy.Deny(policy.AmbiguousPath, "the target holds a #")
	case strings.Contains(strings.ToUpper(r.URL.RawPath), "%2F") && r.URL.RawPath != r.path():
		// Beside a byte that must be encoded, net/url turns it into a slash.
		return policy.Deny(policy.AmbiguousPath, "the path holds an encoded slash")
	}
	return nil
}
