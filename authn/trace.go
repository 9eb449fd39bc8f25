package authn

import "postern/policy"

// Check names a step of a decision. It is a word of the machine-readable form of
// explanations, and so must stay.
type Check string

// The steps that package gate takes itself, in order.
const (
	CheckRequestLine Check = "request_line"
	CheckPath        Check = "path"
	CheckHeaders     Check = "headers"
	CheckQuery       Check = "query"
	CheckRoute       Check = "route"
	CheckNames       Check = "names"
	CheckPreflight   Check = "preflight"
	CheckUpgrade     Check = "upgrade"
	CheckOrigin      Check = "origin"
	CheckCredential  Check = "credential"
	CheckIdentity    Check = "identity"
	CheckLapse       Check = "stream_lifetime"
	CheckRequirement Check = "requirement"
	CheckConsistency Check = "consistency"
)

// The steps of authenticators, each of which takes some of them.
const (
	CheckForm       Check = "form"
	CheckTenant     Check = "tenant"
	CheckAlgorithm  Check = "algorithm"
	CheckType       Check = "type"
	CheckKey        Check = "key"
	CheckSignature  Check = "signature"
	CheckAnswer     Check = "answer"
	CheckKnown      Check = "known_token"
	CheckStanding   Check = "validity"
	CheckMessage    Check = "message"
	CheckAuthority  Check = "authority"
	CheckIssuer     Check = "issuer"
	CheckTimes      Check = "times"
	CheckLifetime   Check = "lifetime"
	CheckAudience   Check = "audience"
	CheckClaims     Check = "claims"
	CheckTimestamp  Check = "timestamp"
	CheckCustomer   Check = "customer"
	CheckRevocation Check = "revocation"
)

// PrecedesSignature reports whether a check looks at a token whose signature is not
// verified yet.
func (c Check) PrecedesSignature() bool {
	return c == CheckAlgorithm || c == CheckType || c == CheckKey
}

// Trace is told how one decision comes about. Who decides writes to it and never
// reads it, so that a decision is the same with one and without; a nil *Trace
// takes nothing down and costs nothing. It is not safe for concurrent use.
type Trace struct {
	Steps []Step
	// Alternatives are those of the matched route, nil where the decision came to
	// its end before any was looked at.
	Alternatives []TracedAlternative

	by string
}

// Step is one check.
type Step struct {
	Check Check
	// By is the name of the authenticator that checks, "" where it is none.
	By string
	// Rule is the consistency rule that is checked, "" for any other check.
	Rule string
	// Compared says what was held against what, in sentences for operators. It
	// holds no secret, but parts of the request, and claims: those of a token whose
	// signature is not verified yet where Unverified says so.
	Compared   []string
	Unverified bool
	// Skipped says that the rule is not for the identity's level.
	Skipped bool
	// Err is why the request was refused here, nil where it passed.
	Err error
}

// TracedAlternative is what a request has for one alternative of its route.
type TracedAlternative struct {
	Name string
	// Chosen says that the request was held to this one, and Why says why, or why
	// not.
	Chosen  bool
	Why     string
	Members []TracedCredential // none for anonymous
}

// TracedCredential is what a request has for one authenticator.
type TracedCredential struct {
	Authenticator string
	// Carriers are all places where the credential may stand.
	Carriers []Carrier
	// Found says that it stands At. Value is the credential itself, for those who
	// have to keep it out of what they show.
	Found bool
	At    Carrier
	Value string
	// Says is what it says of itself, not verified.
	Says Unverified
	// Why says what is wrong with it, or, where it is not Found, what stands there in
	// its place; "" for nothing.
	Why string
}

// By says which authenticator takes the next steps, "" for none.
func (t *Trace) By(name string) {
	if t != nil {
		t.by = name
	}
}

// Enter says that a check begins, and the one before it has passed. It returns the
// number of the step.
func (t *Trace) Enter(c Check) (step int) {
	if t == nil {
		return 0
	}
	t.Steps = append(t.Steps, Step{Check: c, By: t.by})
	return len(t.Steps) - 1
}

// EnterRule is [Trace.Enter] for a consistency rule.
func (t *Trace) EnterRule(r *policy.Rule) (step int) {
	step = t.Enter(CheckConsistency)
	if t != nil {
		t.Steps[step].Rule = r.String()
	}
	return step
}

// Skip says that a step checks nothing after all.
func (t *Trace) Skip(step int) {
	if t != nil {
		t.Steps[step].Skipped = true
	}
}
