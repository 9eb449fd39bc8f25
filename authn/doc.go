// Package authn turns a credential that a request carried into a verified
// identity.
//
// There is one file for each kind of authenticator ([Token], [JWT], [Signature]); the
// cache of verified tokens and the carriers, which say where in a request a
// credential may stand, are shared by all of them. A new kind implements
// [Authenticator] and nothing else.
//
// The package reads no request, knows no route and decides nothing beyond "this
// credential is genuine and says this": whether the request agrees with it is
// for package gate.
package authn
