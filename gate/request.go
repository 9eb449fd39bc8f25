package gate

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"postern/policy"
)

// Request is what the gate decides about. Nothing in it is changed.
type Request struct {
	Method string
	Host   string
	// Target is the request line's target as it came.
	Target string
	URL    *url.URL
	Header http.Header
	// Body is nil where the request has none.
	Body Body
	// Time is the moment of the decision.
	Time time.Time
	// ID names the request in logs and denials.
	ID string
	// TrustedPeer says that the request came through a proxy whose forwarding
	// headers are believed.
	TrustedPeer bool
}

// path returns the escaped path as it will be forwarded.
func (r *Request) path() string {
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/" // http://host in absolute form
}

// checkRequestLine refuses what is no ordinary request for a path.
func checkRequestLine(r *Request) error {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		return policy.Denyf(policy.MalformedRequest, "%s is not served", r.Method)
	case r.URL.Opaque != "" || r.URL.Path == "*":
		return policy.Deny(policy.MalformedRequest, "the target is not a path")
	case strings.Contains(r.Target, "#"):
		// net/url escapes it; a backend that sees it raw may cut there.
		return policy.Deny(policy.AmbiguousPath, "the target holds a #")
	case r.URL.RawPath != r.path() && strings.Contains(strings.ToUpper(r.URL.RawPath), "%2F"):
		// Beside a byte that must be encoded, net/url turns it into a slash.
		return policy.Deny(policy.AmbiguousPath, "the path holds an encoded slash")
	}
	return nil
}
