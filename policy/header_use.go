package policy

import (
	"maps"
	"strings"
)

// HeaderUse says what a header field is for, where HTTP or its proxies have a use
// for it that nobody else can share.
type HeaderUse uint8

// The uses. A field may have several.
const (
	// CredentialUse carries a credential by its nature.
	CredentialUse HeaderUse = 1 << iota
	// FramingUse says what a body is and where it ends, or for whom the request is.
	FramingUse
	// ForwardingUse is for proxies, which tell of the client in it.
	ForwardingUse
	// HopUse speaks to the next server, or would change the method: it ends here.
	HopUse
	// OverrideUse has some backends serve the method or the path that it holds in place
	// of the request line's.
	OverrideUse
	// ClientUse is set by whoever sends a request over HTTP, as it goes out.
	ClientUse
	// BrowserUse is between a client and whoever answers it.
	BrowserUse
)

var headerUses = map[string]HeaderUse{
	"Accept-Encoding":        BrowserUse,
	"Authorization":          CredentialUse,
	"Client-Cert":            ForwardingUse, // RFC 9440, section 2.4: never a client's own
	"Client-Cert-Chain":      ForwardingUse,
	"Connection":             HopUse | ClientUse,
	"Content-Encoding":       FramingUse,
	"Content-Length":         FramingUse | ClientUse,
	"Content-Type":           FramingUse,
	"Cookie":                 FramingUse,
	"Expect":                 HopUse | ClientUse,
	"Forwarded":              ForwardingUse,
	"Host":                   FramingUse | ClientUse,
	"Keep-Alive":             HopUse | ClientUse,
	"Origin":                 BrowserUse,
	"Proxy-Authorization":    CredentialUse,
	"Proxy-Connection":       HopUse | ClientUse,
	"Te":                     FramingUse | ClientUse,
	"Trailer":                FramingUse | ClientUse,
	"Transfer-Encoding":      FramingUse | ClientUse,
	"Upgrade":                HopUse | ClientUse,
	"X-Http-Method":          HopUse | OverrideUse,
	"X-Http-Method-Override": HopUse | OverrideUse,
	"X-Method-Override":      HopUse | OverrideUse,
	"X-Original-Url":         ForwardingUse | OverrideUse,
	"X-Real-Ip":              ForwardingUse,
	"X-Request-Id":           ForwardingUse,
	"X-Rewrite-Url":          ForwardingUse | OverrideUse,
}

// HeaderUses returns the uses of all fields that have one, by canonical name.
func HeaderUses() map[string]HeaderUse { return maps.Clone(headerUses) }

// HeaderUseOf returns the uses of a field, by its canonical name; 0 is none.
func HeaderUseOf(name string) HeaderUse { return headerUses[name] }

// IsForwardingFamily reports whether a canonical name is of a family of fields that
// proxies set. Some of them carry a credential, such as X-Forwarded-Access-Token.
func IsForwardingFamily(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Original-")
}

// IsOwnHeader reports whether a backend or client might take a name for that of a
// header by which Postern says something of its own: Postern- and more, in any case
// and with any other mark in place of the hyphen (see [CanonicalAlias]).
func IsOwnHeader(name string) bool {
	const own = "Postern"
	// The length keeps out what folds to ASCII only in Unicode.
	return len(name) > len(own) && strings.EqualFold(name[:len(own)], own) && !isAlphanumeric(name[len(own)])
}

// isTaken reports whether a field has a meaning of its own, so that nobody else can
// give it one.
func isTaken(name string) bool {
	return headerUses[name] != 0 || IsForwardingFamily(name) || strings.HasPrefix(name, "Postern-")
}
