package main

import (
	"fmt"
	"strings"
)

// bout is a kind of request, and the proxies that it is sent through. The first of
// them is what the others are compared with.
type bout struct {
	name     string
	note     string // what the first one is, for the reader of the table
	requests []request
	proxies  []string
	refused  bool // a refusal is what is wanted
	// connections that ask at the same time; 0 for the usual number.
	connections int
	seconds     int // of one window; 0 for the usual one
}

// base is the bout and the proxy that the others are compared with.
func (b bout) base() (base struct{ bout, proxy string }) {
	base.bout, base.proxy = b.name, b.proxies[0]
	if b.name == "10,000 routes" {
		base.bout, base.proxy = "1 route", "postern 1"
	}
	return base
}

// customers is how many distinct tokens a bout has.
const customers = 1000

// bouts returns all of them.
func (w *world) bouts() ([]bout, error) {
	public := []request{{method: "GET", path: "/public/items"}}
	static := []request{{method: "GET", path: "/token/projects/acme/items", authorization: "Token " + staticToken}}
	list := []bout{
		{name: "plain", note: "httputil with log and metrics", requests: public, proxies: []string{"httputil", "postern", "httputil plain Go", "postern plain Go", "tuned", "bare", "nginx", "haproxy", "caddy"}},
		{name: "Token", note: "that, comparing the token", requests: static, proxies: []string{"httputil", "postern", "nginx", "haproxy", "caddy"}},
	}
	signed := map[string][]request{}
	for _, algorithm := range algorithms {
		for n := range customers {
			token, err := w.signers.token(algorithm, n)
			if err != nil {
				return nil, err
			}
			path := fmt.Sprintf("/%s/customers/%s/messages", algorithm, customer(n))
			signed[algorithm] = append(signed[algorithm], request{method: "GET", path: path, authorization: "Bearer " + token})
		}
	}
	for _, algorithm := range algorithms {
		list = append(list, bout{name: strings.ToUpper(algorithm) + " cached", note: "that, with an LRU cache", requests: signed[algorithm], proxies: []string{"httputil", "postern", "haproxy"}})
	}
	for _, algorithm := range algorithms {
		list = append(list, bout{name: strings.ToUpper(algorithm) + " uncached", note: "that, with golang-jwt each time", requests: signed[algorithm], proxies: []string{"golang-jwt", "postern uncached", "haproxy"}})
	}
	var bodies []request
	for n, r := range signed["hs256"][:100] { // of 8 KB each
		bodies = append(bodies, request{"POST", "/body/customers", r.authorization, document(customer(n))})
	}
	var first, last []request
	for n := range 1000 {
		first = append(first, request{method: "GET", path: routePath(0)})
		last = append(last, request{method: "GET", path: routePath(n * 10)})
	}
	return append(list,
		bout{name: "deny", note: "httputil with log and metrics, writing the same answer", requests: []request{{method: "GET", path: "/token/projects/acme/items"}}, proxies: []string{"httputil", "postern", "nginx", "haproxy", "caddy"}, refused: true},
		bout{name: "8 KB body rule", note: "httputil with log and metrics, without a rule", requests: bodies, proxies: []string{"httputil", "postern"}},
		bout{name: "1 route", requests: first, proxies: []string{"postern 1"}},
		bout{name: "10,000 routes", note: "Postern with one route", requests: last, proxies: []string{"postern 10000", "nginx 10000", "haproxy 10000", "caddy 10000"}},
	), nil
}
