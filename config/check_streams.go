package config

import (
	"strings"

	"postern/policy"
)

// checkStreams holds the streams of a route to what its upstream can speak.
func (c *Config) checkStreams(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	if len(r.Upgrade) > 0 && strings.HasPrefix(c.Upstreams[r.Upstream].URL, "h2c://") {
		problems.Addf(at.At("upgrade"), "the upstream %s speaks h2c, which has no upgrade: use http://", r.Upstream)
	}
	c.checkDrain(at.At("streams"), r.Streams, problems)
}

// checkDrain: a shutdown does not wait longer than its grace.
func (c *Config) checkDrain(at policy.Path, s *policy.StreamSettings, problems *policy.Problems) {
	if s != nil && s.Drain != nil && *s.Drain > c.Server.ShutdownGrace {
		problems.Addf(at.At("drain"), "is longer than server.shutdown_grace, %s, which cuts all streams off", c.Server.ShutdownGrace)
	}
}
