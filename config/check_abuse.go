package config

import (
	"strings"

	"postern/policy"
)

// checkAbuse: failures are counted by address.
func (c *Config) checkAbuse(at policy.Path, problems *policy.Problems) {
	c.Abuse.Check(at, problems)
	if c.Abuse != nil && strings.HasPrefix(c.Server.Listen, "unix:") {
		problems.Addf(at, "says nothing: the clients of a unix socket have no address")
	}
}
