package config

import "postern/policy"

// checkForwardAuth holds forward_auth to what it needs of the rest of the file.
func (c *Config) checkForwardAuth(at policy.Path, problems *policy.Problems) {
	if c.ForwardAuth == nil {
		return
	}
	if len(c.Server.TrustedProxies) == 0 && !c.undecodedBelow(policy.Path{"server", "trusted_proxies"}) {
		problems.Addf(at, "nobody may ask: server.trusted_proxies names no proxy")
	}
	if c.CORS != nil {
		problems.Addf(policy.Path{"cors"}, corsAsked)
	}
}

// corsAsked: to a proxy that asks, an answer to a preflight is leave to pass it on.
const corsAsked = "forward_auth can answer no preflight: leave CORS to the proxy that asks"

// checkForwarded refuses on a route what forward_auth cannot hold it to.
func (c *Config) checkForwarded(at policy.Path, r *policy.RouteSettings, problems *policy.Problems) {
	if c.ForwardAuth == nil {
		return
	}
	if r.CORS != nil {
		problems.Addf(at.At("cors"), corsAsked)
	}
	if c.readsBody(r) {
		problems.Addf(at, "reads the body, which forward_auth does not see: a proxy that asks could pass any")
	}
}
