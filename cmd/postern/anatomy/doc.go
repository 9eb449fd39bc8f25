// Package anatomy takes a token apart for people: it shows what can be read of it,
// however broken it is, and says what keeps a verifier from taking it. It verifies
// nothing and must not be used to decide: that is for package authn, which refuses
// where this one goes on.
package anatomy
