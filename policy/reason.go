package policy

import (
	"log/slog"
	"net/http"
)

// Reason says why a request was refused or failed. The set is closed: each
// constant has exactly one row in the table below, and its name is the same
// word in the response, the log line and the metric label.
type Reason uint8

// The reasons, grouped by the status that they answer with. ReasonNone is the
// zero value and means that nothing was refused.
const (
	ReasonNone Reason = iota

	MalformedRequest
	AmbiguousPath
	MalformedBody

	MissingCredential
	MalformedCredential
	UnknownToken
	UnknownKey
	AlgorithmNotAllowed
	BadSignature
	TokenExpired
	TokenNotYetValid
	IssuedInFuture
	LifetimeTooLong
	TokenTooOld
	WrongIssuer
	WrongAudience
	MissingClaim
	ClaimNotAllowed
	Revoked
	InactiveToken

	IdentityMismatch
	IdentityMissing
	InsufficientScope
	InsufficientLevel
	OriginNotAllowed

	NoRoute
	MethodNotAllowed
	BodyTooLarge
	TooManyFailures

	UpstreamUnreachable
	UpstreamInvalid
	UpstreamTimeout

	KeysUnavailable
	KeysPending
	IntrospectionUnavailable
	ProfileUnavailable
	Overloaded
	ShuttingDown

	Internal
	ClientClosed

	reasonCount
)

// RFC 6750, section 3.1, defines the error codes of a Bearer challenge.
const (
	invalidToken      = "invalid_token"
	insufficientScope = "insufficient_scope"
)

// reasonInfo is what the rest of the program may know about a reason.
type reasonInfo struct {
	name   string
	status int
	// code is the RFC 6750 error of the challenge; empty where no token was
	// sent or where the refusal is not about the token.
	code string
	// title is the public sentence: it must hold for every request that is
	// refused for this reason, and give nothing away.
	title string
	level slog.Level
}

var reasons = [reasonCount]reasonInfo{
	ReasonNone: {"none", http.StatusOK, "", "The request was allowed.", slog.LevelInfo},

	MalformedRequest: {"malformed_request", http.StatusBadRequest, "", "The request can be read in more than one way.", slog.LevelInfo},
	AmbiguousPath:    {"ambiguous_path", http.StatusBadRequest, "", "The path can be read in more than one way.", slog.LevelInfo},
	MalformedBody:    {"malformed_body", http.StatusBadRequest, "", "The body can be read in more than one way, or not at all.", slog.LevelInfo},

	MissingCredential:   {"missing_credential", http.StatusUnauthorized, "", "This route needs a credential that the request does not carry.", slog.LevelInfo},
	MalformedCredential: {"malformed_credential", http.StatusUnauthorized, invalidToken, "The credential is not well-formed.", slog.LevelInfo},
	UnknownToken:        {"unknown_token", http.StatusUnauthorized, invalidToken, "The token is not known here.", slog.LevelInfo},
	UnknownKey:          {"unknown_key", http.StatusUnauthorized, invalidToken, "The token names a key that is not known here.", slog.LevelInfo},
	AlgorithmNotAllowed: {"algorithm_not_allowed", http.StatusUnauthorized, invalidToken, "The token is signed with an algorithm that is not allowed.", slog.LevelInfo},
	BadSignature:        {"bad_signature", http.StatusUnauthorized, invalidToken, "The signature of the token does not verify.", slog.LevelInfo},
	TokenExpired:        {"token_expired", http.StatusUnauthorized, invalidToken, "The token has expired.", slog.LevelInfo},
	TokenNotYetValid:    {"token_not_yet_valid", http.StatusUnauthorized, invalidToken, "The token is not valid yet.", slog.LevelInfo},
	IssuedInFuture:      {"issued_in_future", http.StatusUnauthorized, invalidToken, "The token says that it was issued in the future.", slog.LevelInfo},
	LifetimeTooLong:     {"lifetime_too_long", http.StatusUnauthorized, invalidToken, "The token lives longer than this route allows.", slog.LevelInfo},
	TokenTooOld:         {"token_too_old", http.StatusUnauthorized, invalidToken, "The token was issued too long ago.", slog.LevelInfo},
	WrongIssuer:         {"wrong_issuer", http.StatusUnauthorized, invalidToken, "The token is from an issuer that is not accepted here.", slog.LevelInfo},
	WrongAudience:       {"wrong_audience", http.StatusUnauthorized, invalidToken, "The token is meant for another audience.", slog.LevelInfo},
	MissingClaim:        {"missing_claim", http.StatusUnauthorized, invalidToken, "The token lacks a claim that is needed here.", slog.LevelInfo},
	ClaimNotAllowed:     {"claim_not_allowed", http.StatusUnauthorized, invalidToken, "The token carries a claim or a value that is not allowed here.", slog.LevelInfo},
	Revoked:             {"revoked", http.StatusUnauthorized, invalidToken, "The credential has been revoked.", slog.LevelInfo},
	InactiveToken:       {"inactive_token", http.StatusUnauthorized, invalidToken, "The issuer says that the token is not active.", slog.LevelInfo},

	IdentityMismatch:  {"identity_mismatch", http.StatusForbidden, "", "The request names somebody else than its credential does.", slog.LevelInfo},
	IdentityMissing:   {"identity_missing", http.StatusForbidden, "", "The request does not name the one that it is for.", slog.LevelInfo},
	InsufficientScope: {"insufficient_scope", http.StatusForbidden, insufficientScope, "The token lacks a scope that is needed here.", slog.LevelInfo},
	InsufficientLevel: {"insufficient_level", http.StatusForbidden, "", "The credential is of a lower level than this route needs.", slog.LevelInfo},
	OriginNotAllowed:  {"origin_not_allowed", http.StatusForbidden, "", "The request comes from a page that may not make it.", slog.LevelInfo},

	NoRoute:          {"no_route", http.StatusNotFound, "", "No route serves this path.", slog.LevelInfo},
	MethodNotAllowed: {"method_not_allowed", http.StatusMethodNotAllowed, "", "The path is served, but not for this method.", slog.LevelInfo},
	BodyTooLarge:     {"body_too_large", http.StatusRequestEntityTooLarge, "", "The body is larger than this route allows.", slog.LevelInfo},
	TooManyFailures:  {"too_many_failures", http.StatusTooManyRequests, "", "Too many requests from this address were refused.", slog.LevelInfo},

	UpstreamUnreachable: {"upstream_unreachable", http.StatusBadGateway, "", "The backend cannot be reached.", slog.LevelError},
	UpstreamInvalid:     {"upstream_invalid", http.StatusBadGateway, "", "The backend gave an answer that cannot be passed on.", slog.LevelError},
	UpstreamTimeout:     {"upstream_timeout", http.StatusGatewayTimeout, "", "The backend did not answer in time.", slog.LevelError},

	KeysUnavailable:          {"keys_unavailable", http.StatusServiceUnavailable, "", "Tokens cannot be verified at the moment.", slog.LevelError},
	KeysPending:              {"keys_pending", http.StatusServiceUnavailable, "", "The key of the token is being looked up.", slog.LevelWarn},
	IntrospectionUnavailable: {"introspection_unavailable", http.StatusServiceUnavailable, "", "Tokens cannot be verified at the moment.", slog.LevelError},
	ProfileUnavailable:       {"profile_unavailable", http.StatusServiceUnavailable, "", "The customer cannot be looked up at the moment.", slog.LevelError},
	Overloaded:               {"overloaded", http.StatusServiceUnavailable, "", "Too much is being served at the moment.", slog.LevelWarn},
	ShuttingDown:             {"shutting_down", http.StatusServiceUnavailable, "", "This server is shutting down.", slog.LevelInfo},

	Internal: {"internal", http.StatusInternalServerError, "", "Something went wrong here.", slog.LevelError},
	// 499 is nginx's number for a client that went away; it is never sent.
	ClientClosed: {"client_closed", 499, "", "The client went away.", slog.LevelInfo},
}

// String returns the word that stands for the reason everywhere outside.
func (r Reason) String() string { return r.info().name }

// Status returns the HTTP status that a refusal for this reason answers with.
func (r Reason) Status() int { return r.info().status }

// Title returns the public sentence that explains the reason.
func (r Reason) Title() string { return r.info().title }

// ChallengeError returns the error code of RFC 6750, section 3.1, that fits
// the reason, or "" where the refusal is not about a token that was sent.
func (r Reason) ChallengeError() string { return r.info().code }

// Level returns the level at which a refusal for this reason is logged: a
// client's fault is ordinary traffic, a fault of ours or of a backend is not.
func (r Reason) Level() slog.Level { return r.info().level }

// Unavailable reports whether the reason is an outage or an overload on our
// side, which a client may try again after a while.
func (r Reason) Unavailable() bool { return r.Status() == http.StatusServiceUnavailable }

// Reasons returns every reason but [ReasonNone], in the order of the table.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonCount-1)
	for r := ReasonNone + 1; r < reasonCount; r++ {
		all = append(all, r)
	}
	return all
}

func (r Reason) info() *reasonInfo {
	if r >= reasonCount {
		return &reasons[Internal]
	}
	return &reasons[r]
}
