package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"postern/keys"
)

// certificateNotice is how long before its end a certificate is worth a warning.
const certificateNotice = 14 * 24 * time.Hour

// warnCertificates says which certificates have ended or soon will. Of a file of
// authorities, which may hold old ones beside new ones, the last one counts.
func (c *Config) warnCertificates(now time.Time) (list []string) {
	warn := func(what string, end time.Time) {
		verb := "ends"
		if !end.After(now) {
			verb = "ended"
		}
		if !end.IsZero() && end.Before(now.Add(certificateNotice)) {
			list = append(list, fmt.Sprintf("%s %s at %s", what, verb, end.UTC().Format(time.RFC3339)))
		}
	}
	connection := func(at string, c keys.Connection) {
		own, authorities := c.Ends()
		warn(at+".tls.cert_file: the certificate", own)
		warn(at+".tls.ca_file: the last certificate", authorities)
	}
	if c.ServerTLS != nil {
		warn("server.tls.cert_file: the certificate", c.ServerTLS.Certificates[0].Leaf.NotAfter)
	}
	if c.Authorities != nil {
		warn("server.tls.client_ca_file: the last certificate", c.Authorities.LastEnd())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		connection("upstreams."+name, c.Upstreams[name].Connection)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Remotes)) {
		connection("authenticators."+name+".keys", c.Remotes[name].Connection)
	}
	return list
}
