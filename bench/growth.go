package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

// growth is a case that is larger than another, and the same otherwise.
type growth struct {
	name             string
	bout, proxy      string
	smaller, usually string // the bout and the proxy of the other
}

// growths returns the cases, and the bouts that they need beside the usual ones.
func (w *world) growths() (cases []growth, extra []bout, err error) {
	var crowd, known, rings, large []request
	for n := range customers {
		token, err := w.signers.token("hs256", n)
		if err != nil {
			return nil, nil, err
		}
		known = append(known, request{method: "GET", path: fmt.Sprintf("/hs256/customers/%s/messages", customer(n)), authorization: "Bearer " + token})
		rings = append(rings, request{method: "GET", path: fmt.Sprintf("/ring/%s/customers/%s/messages", tenant(n%10), customer(n)), authorization: "Bearer " + token})
		if n%10 > 0 {
			continue
		}
		if token, err = w.signers.token("hs256", n, jwt.MapClaims{"groups": strings.Repeat("0123456789abcdef", 512)}); err != nil {
			return nil, nil, err
		}
		large = append(large, request{method: "GET", path: fmt.Sprintf("/hs256/customers/%s/messages", customer(n)), authorization: "Bearer " + token})
	}
	crowd = []request{{method: "GET", path: "/public/items"}}
	slow := []request{{method: "GET", path: "/public/slow"}}
	extra = []bout{
		{name: "growth", requests: crowd, proxies: []string{"postern", "postern crowded"}},
		{name: "many tokens", requests: known, proxies: []string{"postern", "postern full"}},
		{name: "2,000 in flight", requests: slow, proxies: []string{"httputil", "postern"}, connections: 2000, seconds: 4},
		{name: "key ring", requests: rings, proxies: []string{"postern ring 10", "postern ring"}},
		{name: "large claims", requests: large, proxies: []string{"postern"}},
		{name: "large claims uncached", requests: large, proxies: []string{"golang-jwt", "postern uncached"}},
	}
	return []growth{
		{"10,000 routes instead of 1", "10,000 routes", "postern 10000", "1 route", "postern 1"},
		{"1,000,000 distinct tokens seen before", "many tokens", "postern full", "many tokens", "postern"},
		{"a key ring of 100,000 tenants instead of 10", "key ring", "postern ring", "key ring", "postern ring 10"},
		{"10,000 more connections that are idle", "growth", "postern crowded", "growth", "postern"},
		{"claims of 8 KB, cached", "large claims", "postern", "HS256 cached", "postern"},
		{"claims of 8 KB, uncached", "large claims uncached", "postern uncached", "HS256 uncached", "postern uncached"},
		{"2,000 in flight, answers after 500 ms; beside httputil", "2,000 in flight", "postern", "2,000 in flight", "httputil"},
		{"claims of 8 KB, uncached; beside golang-jwt", "large claims uncached", "postern uncached", "large claims uncached", "golang-jwt"},
	}, extra, nil
}

// crowded returns what starts a proxy and leaves it with 10,000 connections, on each
// of which one request was answered.
func (w *world) crowded(l launch) launch {
	return func(listen string) (*process, error) {
		p, err := l(listen)
		if err != nil {
			return nil, err
		}
		asked := request{method: "GET", path: "/public/items"}.text()
		for range 10_000 {
			c, err := net.Dial("tcp", listen)
			if err != nil {
				return nil, err
			}
			w.stops = append(w.stops, func() { c.Close() })
			if err := answered(c, asked); err != nil {
				return nil, err
			}
		}
		return p, nil
	}
}

// filled returns what starts a proxy and shows it a million tokens, ten times what
// its cache holds.
func (w *world) filled(l launch) launch {
	return func(listen string) (*process, error) {
		p, err := l(listen)
		if err != nil {
			return nil, err
		}
		const tokens, clients = 1_000_000, 8
		var group errgroup.Group
		for client := range clients {
			group.Go(func() error {
				c, err := net.Dial("tcp", listen)
				if err != nil {
					return err
				}
				defer c.Close()
				for n := client; n < tokens; n += clients {
					token, err := w.signers.token("hs256", n)
					if err != nil {
						return err
					}
					r := request{method: "GET", path: fmt.Sprintf("/hs256/customers/%s/messages", customer(n)), authorization: "Bearer " + token}
					if err := answered(c, r.text()); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return p, group.Wait()
	}
}

// answered sends a request and takes its answer.
func answered(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	return takeAnswer(bufio.NewReader(c))
}
