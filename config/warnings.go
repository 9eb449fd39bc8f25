package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"postern/policy"
)

// Warnings says what is legal but, at a time, worth a second look, one sentence
// each.
func (c *Config) Warnings(now time.Time) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		if u, err := url.Parse(c.Upstreams[name].URL); err == nil && isPlaintext(u) && c.tellsIdentity(name) && c.IdentityAssertion == nil {
			list = append(list, fmt.Sprintf("upstreams.%s: identity headers travel to %s in plain text, where others could set them: by identity_assertion the backend could tell", name, u.Host))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Denials)) {
		if name != policy.DefaultDenials && !slices.ContainsFunc(c.RouteList, func(r policy.RouteSettings) bool { return r.Denials == name }) {
			list = append(list, fmt.Sprintf("denials.%s: no route names this format", name))
		}
	}
	list = append(list, c.warnAudiences()...)
	list = append(list, c.warnSameSecrets()...)
	for i, route := range c.Routes {
		if route.Report && !route.Reports(now) {
			list = append(list, fmt.Sprintf("routes.%s: until, %s, has passed: the route refuses again", route.Name, route.ReportUntil.Format(time.DateOnly)))
		}
		if c.ForwardAuth != nil && route.Websocket {
			list = append(list, fmt.Sprintf("routes.%s: a websocket that forward_auth lets through outlives its credential: the proxy that asks must end it", route.Name))
		}
		list = append(list, c.warnTenants(route.Name, &c.RouteList[i])...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.StaticKeys)) {
		for _, why := range c.StaticKeys[name].Ignored() {
			list = append(list, fmt.Sprintf("authenticators.%s: a key of the set is left out: %s", name, why))
		}
	}
	list = append(list, c.warnCertificates(now)...)
	return append(list, c.personalWarnings()...)
}

// tellsIdentity reports whether an upstream may be sent identity headers.
func (c *Config) tellsIdentity(upstream string) bool {
	return len(c.IdentityHeaders) > 0 || slices.ContainsFunc(c.RouteList, func(r policy.RouteSettings) bool {
		return r.Upstream == upstream && len(r.IdentityHeaders) > 0
	})
}

// isPlaintext reports whether requests leave this machine unencrypted.
func isPlaintext(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "h2c" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback())
}
