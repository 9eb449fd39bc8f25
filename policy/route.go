package policy

import "time"

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

	// Alternatives are the names of authenticators, in the order in which a
	// request is held to them.
	Alternatives []string
	Rules        []Rule
	Headers      *HeaderSet
	// ForwardCredential overrides what the authenticators say; nil does not.
	ForwardCredential *bool

	Upstream string
	// StripPrefix is taken from the path that is forwarded, then AddPrefix put
	// before it; both are escaped, or empty.
	StripPrefix, AddPrefix string
	// PreserveHost sends the client's Host to the upstream.
	PreserveHost bool
	// Timeout bounds the whole exchange with the upstream; 0 is no bound.
	Timeout time.Duration
}
