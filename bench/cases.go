package main

import "fmt"

// bout is a kind of request, and the proxies that it is sent through. The first of
// them is what the others are compared with.
type bout struct {
	name     string
	note     string // what the first one is, for the reader of the table
	requests []request
	proxies  []string
	refused  bool // a refusal is what is wanted
}

// customers is how many distinct tokens a bout has.
const customers = 1000

// bouts returns all of them.
func (w *world) bouts() ([]bout, error) {
	public := []request{{method: "GET", path: "/public/items"}}
	static := []request{{method: "GET", path: "/token/projects/acme/items", authorization: "Token " + staticToken}}
	list := []bout{
		{"plain", "httputil, log, metrics", public, []string{"httputil", "postern", "postern plain Go", "tuned", "bare", "nginx", "haproxy", "caddy"}, false},
		{"Token", "the same, with the token compared", static, []string{"httputil", "postern", "nginx", "haproxy", "caddy"}, false},
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
		list = append(list, bout{algorithm + " cached", "the same, with an LRU cache", signed[algorithm], []string{"httputil", "postern", "haproxy"}, false})
	}
	for _, algorithm := range algorithms {
		list = append(list, bout{algorithm + " uncached", "the same, golang-jwt each time", signed[algorithm], []string{"golang-jwt", "postern uncached", "haproxy"}, false})
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
		bout{"deny", "httputil with log and metrics, the same answer", []request{{method: "GET", path: "/token/projects/acme/items"}}, []string{"httputil", "postern", "nginx", "haproxy", "caddy"}, true},
		bout{"8 KB body rule", "httputil with log and metrics, no rule", bodies, []string{"httputil", "postern"}, false},
		bout{"1 route", "Postern itself", first, []string{"postern 1"}, false},
		bout{"10,000 routes", "Postern with one route", last, []string{"postern 10000", "nginx 10000", "haproxy 10000", "caddy 10000"}, false},
	), nil
}
