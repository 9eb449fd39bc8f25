package config

import (
	"maps"
	"slices"

	"postern/keys"
	"postern/policy"
)

// checkClientCAs holds an authenticator of client certificates to a listener that
// asks for them.
func (c *Config) checkClientCAs(at policy.Path, problems *policy.Problems) {
	if tls := c.Server.TLS; tls == nil || tls.ClientCAFile == "" {
		problems.Addf(at, "wants server.tls.client_ca_file: without it no client is asked for a certificate")
	}
}

// loadTLS reads the certificates of the listener and of the connections to
// upstreams.
func (c *Config) loadTLS(load keys.Loader, problems *policy.Problems) {
	c.ServerTLS, c.Authorities = c.Server.TLS.Load(policy.Path{"server", "tls"}, load, problems)
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		u := c.Upstreams[name]
		u.Load(policy.Path{"upstreams", name}, load, problems)
		c.Upstreams[name] = u
	}
}
