package main

import (
	"fmt"
	"os"
	"strings"
)

// setting is how one Postern differs from another.
type setting struct {
	binary  string
	entries int // of the token cache
	routes  int // beside those of the cases
	tenants int // of a key ring; 0 for none
	env     []string
}

// config is what Postern runs with: a path rule for each customer, identity headers,
// metrics and the access log. The shape of its routes is that of the requests.
func (s setting) config(w *world, listen, admin, ring string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server: { listen: %q, shutdown_delay: 0s }
admin: { listen: %q }
limits: { connections: 12000 }
cache: { entries: %d }
upstreams:
  backend: { url: "http://%s" }
identity_headers:
  X-Customer-Id: "{customer_id}"
  X-Customer-Email: "{claims.email}"
  X-Auth-Level: "{level}"
authenticators:
  project:
    type: token
    scheme: Token
    tokens: [{ id: bench, value: %q, attributes: { project: acme } }]
`, listen, admin, s.entries, w.backend, staticToken)
	sources := map[string]string{"hs256": fmt.Sprintf("secrets: [{ id: bench, value: %q }]", hmacSecret)}
	for _, algorithm := range algorithms[1:] {
		sources[algorithm] = fmt.Sprintf("public_keys: [{ id: bench, file: %q }]", w.path(algorithm+".pem"))
	}
	for _, algorithm := range algorithms {
		fmt.Fprintf(&b, "  %s:\n    type: jwt\n    keys: { %s }\n    algorithms: [%s]\n    issuer: %q\n    audience: [%s]\n    customer_id: claims.sub\n",
			algorithm, sources[algorithm], strings.ToUpper(algorithm), issuer, audience)
	}
	if s.tenants > 0 {
		fmt.Fprintf(&b, "  ring: { type: jwt, keys: { keyring_file: %q, select: path.tenant }, algorithms: [HS256], issuer: %q, audience: [%s], customer_id: claims.sub }\n",
			ring, issuer, audience)
	}
	b.WriteString(`routes:
  - { name: public, match: /public/, upstream: backend, authenticate: [anonymous] }
  - { name: spare, match: /spare/, upstream: backend, authenticate: [anonymous], timeout: 1m } # what a reload changes
  - { name: sockets, match: /sockets/, upstream: backend, authenticate: [anonymous], upgrade: [websocket] }
  - name: token
    match: GET /token/projects/{project}/items
    upstream: backend
    authenticate: [project]
    consistency: [{ identity: attributes.project, request: path.project }]
  - name: body
    match: POST /body/customers
    upstream: backend
    authenticate: [hs256]
    body: json
    consistency: [{ request: body.customer.id }]
`)
	route := "  - { name: %s, match: %q, upstream: backend, authenticate: [%s]%s }\n"
	named := ", consistency: [{ request: path.customer }]"
	for _, algorithm := range algorithms {
		fmt.Fprintf(&b, route, algorithm, "GET /"+algorithm+"/customers/{customer}/messages", algorithm, named)
	}
	if s.tenants > 0 {
		fmt.Fprintf(&b, route, "ring", "GET /ring/{tenant}/customers/{customer}/messages", "ring", named)
	}
	for n := range s.routes {
		fmt.Fprintf(&b, route, fmt.Sprintf("route-%05d", n), "GET "+routePattern(n), "anonymous", "")
	}
	return b.String()
}

// routePattern is that of the nth of many routes, and routePath a path that it
// matches.
func routePattern(n int) string { return fmt.Sprintf("/routes/r%05d/{item}/messages", n) }

func routePath(n int) string { return fmt.Sprintf("/routes/r%05d/4711/messages", n) }

// tenant is the id of the nth of a key ring, all of which have the same secret.
func tenant(n int) string { return fmt.Sprintf("tenant-%06d", n) }

func ring(tenants int) string {
	var b strings.Builder
	b.WriteString("{")
	for n := range tenants {
		if n > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `%q: [{"id": "bench", "value": %q}]`, tenant(n), hmacSecret)
	}
	b.WriteString("}\n")
	return b.String()
}

// postern returns what starts Postern.
func (w *world) postern(name string, s setting) launch {
	return func(listen string) (*process, error) {
		admin, err := freeAddress()
		if err != nil {
			return nil, err
		}
		file, ringFile := w.path(name+".yaml"), w.path(name+".ring.json")
		if err := os.WriteFile(ringFile, []byte(ring(s.tenants)), 0o600); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(s.config(w, listen, admin, ringFile)), 0o600); err != nil {
			return nil, err
		}
		arguments := append([]string{"env"}, s.env...)
		return start(name, proxyCore, listen, w.log(name), append(arguments, s.binary, "serve", "--config", file)...)
	}
}
