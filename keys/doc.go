// Package keys holds key material and its life: where it comes from, which
// keys may verify a token, and when a key is no longer one of them.
//
// A configuration's [Settings] become a [Static] set (shared secrets, PEM
// files, a JWK set in a file) or a [Ring] (the shared secrets of many tenants),
// loaded once through a [Loader], or a [Remote] set, which fetches a JWK set in
// the background and keeps the last good one. Of all, a verifier asks Candidates,
// which never waits; of a set, after a [policy.UnknownKey], it asks Seek, which
// waits for a bounded time at most. The result is a [Key], which verifies
// signatures and knows whether it is still part of its set.
//
// The package does not read tokens: which algorithms are allowed, and what a
// signed token must say, is for package authn.
package keys
