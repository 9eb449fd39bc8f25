package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// posternConfig is what Postern runs with: a path rule for each customer, identity
// headers, metrics and the access log. The shape of its routes is that of the
// requests.
func posternConfig(keys, listen, admin, backend string, entries, routes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server: { listen: %q, shutdown_delay: 0s }
admin: { listen: %q }
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
`, listen, admin, entries, backend, staticToken)
	for _, algorithm := range algorithms {
		source := fmt.Sprintf("public_keys: [{ id: bench, file: %q }]", filepath.Join(keys, algorithm+".pem"))
		if algorithm == "hs256" {
			source = fmt.Sprintf("secrets: [{ id: bench, value: %q }]", hmacSecret)
		}
		fmt.Fprintf(&b, `  %s:
    type: jwt
    keys: { %s }
    algorithms: [%s]
    issuer: %q
    audience: [%s]
    customer_id: claims.sub
`, algorithm, source, strings.ToUpper(algorithm), issuer, audience)
	}
	fmt.Fprint(&b, `routes:
  - { name: public, match: /public/, upstream: backend, authenticate: [anonymous] }
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
	for _, algorithm := range algorithms {
		fmt.Fprintf(&b, `  - name: %[1]s
    match: GET /%[1]s/customers/{customer}/messages
    upstream: backend
    authenticate: [%[1]s]
    consistency: [{ request: path.customer }]
`, algorithm)
	}
	for n := range routes {
		fmt.Fprintf(&b, "  - { name: route-%05[1]d, match: %[2]q, upstream: backend, authenticate: [anonymous] }\n", n, "GET "+routePattern(n))
	}
	return b.String()
}

// routePattern is that of the nth of many routes, and routePath a path that it
// matches.
func routePattern(n int) string { return fmt.Sprintf("/routes/r%05d/{item}/messages", n) }

func routePath(n int) string { return fmt.Sprintf("/routes/r%05d/4711/messages", n) }

// postern returns what starts it with a cache for so many tokens, and so many routes
// beside those of the cases.
func (w *world) postern(name, binary string, entries, routes int, environment ...string) launch {
	return func(listen string) (*process, error) {
		admin, err := freeAddress()
		if err != nil {
			return nil, err
		}
		file := filepath.Join(w.folder, name+".yaml")
		if err := os.WriteFile(file, []byte(posternConfig(w.folder, listen, admin, w.backend, entries, routes)), 0o600); err != nil {
			return nil, err
		}
		arguments := append([]string{"env"}, environment...)
		return start(name, proxyCore, listen, w.log(name), append(arguments, binary, "serve", "--config", file)...)
	}
}
