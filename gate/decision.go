package gate

import (
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
	// Verified is the identity, nil until a credential was verified.
	Verified *authn.Verified
	// Authenticator is the name of the alternative that the request was held
	// to, "" where it carried none.
	Authenticator string
	// Cache says what part the token cache had.
	Cache authn.CacheUse

	gate     *Gate
	request  *Request
	compiled *route
	values   policy.Values
	// carrier is where the credential stood; zero where none did.
	carrier authn.Carrier
	// forward passes the credential on as it came.
	forward bool
}

// Pattern returns the matched pattern, nil where no route matched.
func (d *Decision) Pattern() *policy.Pattern {
	if d.Route == nil {
		return nil
	}
	return d.values.Pattern()
}
