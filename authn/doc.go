// Package authn turns a credential that a request carried into a verified
// identity.
//
// There is one file for each kind of authenticator ([Token], [JWT],
// [Introspection], [Profile], [Signature]); the cache of verified tokens and the
// carriers, which say where in a request a credential may stand, are shared by all
// of them. Those that ask a service share the inquiry, which bounds what is asked.
// A new kind implements [Authenticator] and nothing else.
//
// The package reads no request, knows no route and decides nothing beyond "this
// credential is genuine and says this": whether the request agrees with it is
// for package gate.
package authn
