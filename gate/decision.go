package gate

import (
	"time"

	"postern/authn"
	"postern/policy"
)

// Decision is the outcome of [Gate.Decide]. The zero value is ready for use;
// it is not safe for concurrent use.
type Decision struct {
	// Route is nil where none matched.
	Route *policy.Route
	// Denial is nil where the request may pass.
	Denial *policy.Denial
	// Reported is the denial of a route that only reports; the request passes.
	Reported *policy.Denial
	// Preflight says that a browser asks what a page may do: the request is never
	// for the upstream, and where it is not denied, AnswerPreflight answers it.
	Preflight bool
	// Upgrade says that the client asks, by the rules, for a websocket, and that
	// the route serves them.
	Upgrade bool
	// Verified is the identity, nil until a credential was verified.
	Verified *authn.Verified
	// Authenticator is the name of the alternative that the request was held
	// to, "" where it carried none.
	Authenticator string
	// Cache says what part the token cache had.
	Cache authn.CacheUse
	// Made is when the decision was complete, as the caller may say: an assertion is
	// dated by it, since a body may have taken its time. Where it is zero the moment
	// of the request counts.
	Made time.Time

	gate     *Gate
	request  *Request
	compiled *route
	values   policy.Values
	host     string // normalized
	// denials and cors are those of the route, or of all before one matched.
	denials *policy.DenialFormat
	cors    *policy.CORS
	// carrier is where the credential stood; zero where none did.
	carrier authn.Carrier
	// proof is the credential of the member that gave the identity its level, ""
	// where none did.
	proof string
	// forwarded are the carriers whose credential is passed on as it came.
	forwarded []authn.Carrier
	renewals  []renewal
	body      bodyReading
	scratch   [2]string // for what a rule finds, mostly one text
	// credentials are by index of the member, as far as they are known; where they
	// are few they stand in few.
	credentials []credential
	few         [2]credential
	// inspected is what inspectedValue says of itself.
	inspected      authn.Unverified
	inspectedValue string
}

// Pattern returns the matched pattern, nil where no route matched.
func (d *Decision) Pattern() *policy.Pattern {
	if d.Route == nil {
		return nil
	}
	return d.values.Pattern()
}

// reports reports whether the route only reports what it would refuse.
func (d *Decision) reports() bool { return d.Route.Reports(d.request.Time) }

// passesCredentials reports whether credentials are left to the backend.
func (d *Decision) passesCredentials() bool { return d.Route.PassAuthorization || d.reports() }
