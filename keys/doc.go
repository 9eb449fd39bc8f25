// Package keys holds key material and its life: where it comes from, which
// keys may verify a token, and when a key is no longer one of them.
//
// A configuration's [Settings] become a [Static] set (shared secrets, PEM
// files, a JWK set in a file) or a [Ring] (the shared secrets of many tenants),
// loaded once through a [Loader], or a [Remote] set. That fetches in the
// background what stands at its [Location] (a JWK set, the document of an OpenID
// provider that names one, or certificates by kid), keeps the last good keys
// until they are too old, and, in a state folder, a copy of them for a restart
// during an outage. Of all, a verifier asks Candidates, which never waits; of a
// set, after a [policy.UnknownKey], it asks Seek, which waits for a bounded time
// at most. The result is a [Key], which verifies signatures and knows whether it
// is still part of its set, and current.
//
// The package does not read tokens: which algorithms are allowed, and what a
// signed token must say, is for package authn.
package keys
