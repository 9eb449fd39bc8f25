package proxy

import (
	"errors"
	"net/http"
	"time"

	"postern/policy"
)

// AbuseSettings bound how often a client address may fail.
type AbuseSettings struct {
	// More than Failures within a Window, which the first of them begins, lock an
	// address out for the time of a Lockout.
	Failures int             `yaml:"failures"`
	Window   policy.Duration `yaml:"window"`
	Lockout  policy.Duration `yaml:"lockout"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *AbuseSettings) SetDefaults() {
	*s = AbuseSettings{Failures: 50, Window: policy.Duration(time.Minute), Lockout: policy.Duration(5 * time.Minute)}
}

const (
	maxFailures    = 1_000_000
	maxAbuseMemory = policy.Duration(24 * time.Hour)
)

// Check reports what is wrong with the settings. Nil settings are abuse control
// that is off.
func (s *AbuseSettings) Check(at policy.Path, problems *policy.Problems) {
	if s == nil {
		return
	}
	if s.Failures < 1 || s.Failures > maxFailures {
		problems.Addf(at.At("failures"), "wants 1 to %d", maxFailures)
	}
	if s.Window <= 0 || s.Window > maxAbuseMemory {
		problems.Addf(at.At("window"), "wants more than 0s and 24h at most")
	}
	if s.Lockout <= 0 || s.Lockout > maxAbuseMemory {
		problems.Addf(at.At("lockout"), "wants more than 0s and 24h at most")
	}
}

// restrain answers a refused request of an address that has failed too often
// with that, and counts the failures of others. A request that is allowed is not
// looked at, whatever its address has done: who guesses shuts out nobody who
// shares the address. The price is that each guess is still verified.
func (x *exchange) restrain() {
	denial := x.decision.Denial
	if x.state.failures == nil || denial == nil || !x.client.IsValid() || !conceals(denial.Reason) {
		return
	}
	if left := x.state.failures.refuse(x.client, isGuess(denial.Reason), x.decided); left > 0 {
		x.failure = &policy.Denial{Reason: policy.TooManyFailures, RetryAfter: left, Err: errors.New(denial.Reason.String())}
	}
}

// isGuess reports whether a refusal is what somebody gets who guesses: a
// credential that fails, or one that is held against another's name. A request
// without a credential tries nothing. A token that was genuine until it expired
// is what every customer sends some day, many of them from one address.
func isGuess(r policy.Reason) bool {
	switch r {
	case policy.MissingCredential, policy.TokenExpired:
		return false
	case policy.IdentityMismatch:
		return true
	}
	return r.Status() == http.StatusUnauthorized
}

// conceals reports whether a lockout answers in the place of a refusal: where a
// credential was judged. That a token has expired is still said, or the customers
// who share the address would not know to fetch another.
func conceals(r policy.Reason) bool {
	return r != policy.TokenExpired && (r.Status() == http.StatusUnauthorized || r.Status() == http.StatusForbidden)
}
