package authn

import (
	"fmt"
	"time"

	"postern/keys"
	"postern/policy"
)

// Describe implements [Describer].
func (t *Token) Describe(check Check, _ Credential, _ time.Time) []string {
	switch check {
	case CheckForm:
		if t.basic != "" {
			return []string{"of user:password the " + t.basic + " is the token"}
		}
	case CheckKnown:
		return []string{fmt.Sprintf("tokens in the configuration: %d", len(t.byDigest))}
	}
	return nil
}

// Describe implements [Describer].
func (i *Introspection) Describe(check Check, _ Credential, _ time.Time) []string {
	switch check {
	case CheckAnswer:
		return []string{"asks " + policy.PublicURL(i.settings.URL) + " about the token"}
	case CheckCustomer:
		return describeCustomer(i.settings.CustomerID, i.settings.CustomerIDOptional, nil)
	}
	return nil
}

// Describe implements [Describer].
func (p *Profile) Describe(check Check, c Credential, _ time.Time) []string {
	switch check {
	case CheckAnswer:
		if address, err := p.settings.URL.url(c.Request); err == nil {
			return []string{"asks " + p.settings.Method + " " + policy.PublicURL(address) + " with the credential"}
		}
	case CheckCustomer:
		return describeCustomer(p.settings.CustomerID, p.settings.CustomerIDOptional, nil)
	}
	return nil
}

// Describe implements [Describer].
func (m *MTLS) Describe(check Check, c Credential, at time.Time) []string {
	if len(c.Chains) == 0 {
		return nil
	}
	switch leaf := c.Chains[0][0]; check {
	case CheckAuthority:
		return []string{
			"certificate " + keys.Fingerprint(leaf) + " from " + policy.Show(leaf.Issuer.String()),
			fmt.Sprintf("authorities in the configuration: %d", m.authorities.Len()),
		}
	case CheckCustomer:
		return describeCustomer(m.settings.CustomerID, m.settings.CustomerIDOptional, &policy.Identity{Certificate: describe(leaf)})
	case CheckStanding:
		return []string{
			"not before " + leaf.NotBefore.UTC().Format(time.RFC3339) + ", " + Ago(leaf.NotBefore, at),
			"not after " + leaf.NotAfter.UTC().Format(time.RFC3339) + ", " + Ago(leaf.NotAfter, at),
		}
	}
	return nil
}
