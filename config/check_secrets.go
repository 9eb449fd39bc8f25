package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"postern/keys"
	"postern/policy"
)

// sameSecrets calls each with every two secrets of an authenticator that have the
// same value, of which at is where the second one stands.
func (c *Config) sameSecrets(each func(name string, at policy.Path, one, two keys.Listed)) {
	for _, name := range slices.Sorted(maps.Keys(c.StaticKeys)) {
		secrets, at := c.settings(name).Listed(), policy.Path{"authenticators", name}
		list := at.At("secrets")
		if jwt := c.Authenticators[name].JWT; jwt != nil {
			list = jwt.Keys.SecretsPath(at.At("keys"))
		}
		for _, pair := range c.StaticKeys[name].SameValue() {
			each(name, list.At(pair[1], "value"), secrets[pair[0]], secrets[pair[1]])
		}
	}
}

// checkSameSecrets reports a secret that stands for two things: which of them a
// credential would mean is the order of the list.
func (c *Config) checkSameSecrets(problems *policy.Problems) {
	c.sameSecrets(func(_ string, at policy.Path, one, two keys.Listed) {
		if !maps.Equal(one.Attributes, two.Attributes) {
			problems.Addf(at, "has the same value as %q, whose attributes differ", one.ID)
		}
	})
}

const (
	// maxSharedSecrets and maxNamedTenants bound what is said of a ring in which
	// one mistake was made for all tenants.
	maxSharedSecrets = 10
	maxNamedTenants  = 3
)

// warnSameSecrets says where one secret is known by two names.
func (c *Config) warnSameSecrets() (list []string) {
	c.sameSecrets(func(name string, _ policy.Path, one, two keys.Listed) {
		list = append(list, fmt.Sprintf("authenticators.%s: the secrets %q and %q have one value, so that to end one of them ends nothing", name, one.ID, two.ID))
	})
	for _, name := range slices.Sorted(maps.Keys(c.Rings)) {
		shared := c.Rings[name].SameValue()
		for _, tenants := range shared[:min(len(shared), maxSharedSecrets)] {
			list = append(list, fmt.Sprintf("authenticators.%s: the tenants %s have the same secret: a token of one is good for the others", name, nameTenants(tenants)))
		}
		if more := len(shared) - maxSharedSecrets; more > 0 {
			list = append(list, fmt.Sprintf("authenticators.%s: %d more secrets are those of several tenants", name, more))
		}
	}
	return list
}

func nameTenants(tenants []string) string {
	named := tenants[:min(len(tenants), maxNamedTenants)]
	if more := len(tenants) - len(named); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(named, ", "), more)
	}
	return strings.Join(named[:len(named)-1], ", ") + " and " + named[len(named)-1]
}
