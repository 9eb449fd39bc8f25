package policy

import (
	"strings"
	"time"
)

// Route is one compiled entry of the configuration's routes. It is immutable
// and safe for concurrent use.
type Route struct {
	// Index is dense: the routes of one configuration are numbered from 0, so
	// that other rooms can keep what they hold for a route in a slice.
	Index int
	// Name is the metric label and the log field.
	Name string
	// Patterns are what the route matches; at least one.
	Patterns []*Pattern
	// LoosePaths lets near misses of the patterns match (see [Matcher.Match]).
	LoosePaths bool
	// EncodedSlash lets a segment of the path hold a %2F.
	EncodedSlash bool

	// Alternatives are groups of authenticators by name, in the order in which a
	// request is held to them. It needs all members of one.
	Alternatives [][]string
	Rules        []Rule
	Headers      *HeaderSet
	// ForwardCredential overrides what the authenticators say; nil does not.
	ForwardCredential *bool

	// Require is asked of the identity beyond its being verified.
	Require Requirement
	// Report decides and tells, but refuses nothing, until ReportUntil; a zero
	// time is no end.
	Report      bool
	ReportUntil time.Time

	// BodyForm says that bodies are forms and not JSON; BodyLimit, in bytes, is
	// for those that are read, and with LimitsBody for all others, too.
	BodyForm   bool
	BodyLimit  int64
	LimitsBody bool
	// Origins are the pages that may make a browser send requests; nil for all.
	Origins []string
	// PassAuthorization leaves the client's credentials to the backend.
	PassAuthorization bool
	// Denials is how denials look; CORS is the policy for pages of other origins.
	Denials *DenialFormat
	CORS    *CORS
	// Websocket lets clients switch to the websocket protocol.
	Websocket bool
	// Streams is how long websockets and event streams live; a zero value ends them
	// at once.
	Streams Streams
	// Strip is removed besides credentials and identity headers.
	Strip Strip

	Upstream string
	// Audience is what the upstream is called in identity assertions.
	Audience string
	// StripPrefix is taken from the path that is forwarded, then AddPrefix put
	// before it; both are escaped, or empty.
	StripPrefix, AddPrefix string
	// PreserveHost sends the client's Host to the upstream.
	PreserveHost bool
	// Timeout bounds the whole exchange with the upstream; 0 is no bound.
	Timeout time.Duration
}

// Reports reports whether the route only reports what it would refuse.
func (r *Route) Reports(at time.Time) bool {
	return r.Report && (r.ReportUntil.IsZero() || at.Before(r.ReportUntil))
}

// GroupName is the name of a group of authenticators in metrics and logs.
func GroupName(members []string) string { return strings.Join(members, "+") }
