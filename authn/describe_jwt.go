package authn

import (
	"fmt"
	"strings"
	"time"

	"postern/policy"
)

// Claims returns the claims of a JWT, which nobody has verified; nil for anything
// else. They must not be changed.
func (u Unverified) Claims() map[string]any {
	if u.token == nil {
		return nil
	}
	return u.token.claims
}

// Header returns the algorithm and the type that a JWT names, which nobody has
// verified; "" for anything else.
func (u Unverified) Header() (algorithm, typ string) {
	if u.token == nil {
		return "", ""
	}
	return u.token.algorithm, u.token.typ
}

// Describe implements [Describer]. The claims are shown as the token has them.
func (j *JWT) Describe(check Check, c Credential, at time.Time) []string {
	u := Inspect(c.Value, j.tokenBytes)
	if u.token == nil {
		return nil
	}
	switch s := &j.settings; check {
	case CheckTenant:
		tenant, _ := j.requestedTenant(c.Request, nil)
		return []string{"the tenant is " + policy.Show(tenant)}
	case CheckAlgorithm:
		return []string{fmt.Sprintf("alg is %s, wanted: %s", policy.Show(u.token.algorithm), strings.Join(s.Algorithms, " or "))}
	case CheckType:
		if s.Typ == "" {
			return nil
		}
		return []string{fmt.Sprintf("typ is %s, wanted: %s", policy.Show(u.token.typ), policy.Show(s.Typ))}
	case CheckKey:
		return []string{j.describeKey(u, c.Request)}
	case CheckCustomer:
		return describeCustomer(s.CustomerID, s.CustomerIDOptional, j.named(u))
	}
	return j.describe(check, u.Claims(), at)
}

func (j *JWT) describeKey(u Unverified, r Request) string {
	text := "the token names no kid"
	if u.KeyID != "" {
		text = "kid is " + policy.Show(u.KeyID)
	}
	if !j.settings.Keys.IsKeyring() {
		return text
	}
	requested, _ := j.requestedTenant(r, nil)
	return text + ", tenant is " + policy.Show(j.tenant(u.token, requested))
}

// named returns what of a token can name its customer, nil where that is another
// thing than a claim.
func (j *JWT) named(u Unverified) *policy.Identity {
	if j.settings.CustomerID.Source != policy.Claim {
		return nil
	}
	return &policy.Identity{Claims: u.Claims()}
}

// describeCustomer says what names the customer; id is nil where that is not known.
func describeCustomer(ref policy.Reference, optional bool, id *policy.Identity) []string {
	if ref.IsZero() {
		return nil
	}
	text := "the customer is " + ref.String()
	if id != nil {
		value, ok := id.Resolve(ref)
		if text = ref.String() + " is missing"; ok {
			text = ref.String() + " is " + policy.Show(value)
		}
	}
	if optional {
		text += ", which may be missing"
	}
	return []string{text}
}
