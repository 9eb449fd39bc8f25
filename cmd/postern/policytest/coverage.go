package policytest

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Coverage is what of a configuration the cases have tried.
type Coverage struct {
	config                 string // its path, as it is shown
	realConfig             string // its path, however a file names it
	routes, authenticators []string
	triedRoutes            map[string]bool
	triedAuthenticators    map[string]bool
}

func newCoverage(s *Suite) *Coverage {
	c := &Coverage{
		config:         s.file.configFile(),
		realConfig:     realPath(s.file.configFile()),
		authenticators: slices.Sorted(maps.Keys(s.rehearsal.Authenticators)),
		triedRoutes:    map[string]bool{}, triedAuthenticators: map[string]bool{},
	}
	for _, r := range s.rehearsal.Routes {
		c.routes = append(c.routes, r.Name)
	}
	return c
}

// realPath returns the path that a file has by whatever name, or that name where it
// cannot be resolved.
func realPath(name string) string {
	if absolute, err := filepath.Abs(name); err == nil {
		name = absolute
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	return name
}

// note notes the route and the authenticators of a decision, and those that were
// asked for it. Of a route, a preflight tries nothing that it protects.
func (c *Coverage) note(o *Outcome, asked []string) {
	if !o.preflight {
		c.triedRoutes[o.Route] = true
	}
	for _, name := range append(strings.Split(o.Authenticator, "+"), asked...) {
		c.triedAuthenticators[name] = true
	}
}

// add adds what the cases of another file have tried of the same configuration.
func (c *Coverage) add(o *Coverage) {
	maps.Copy(c.triedRoutes, o.triedRoutes)
	maps.Copy(c.triedAuthenticators, o.triedAuthenticators)
}

// missing returns the names that no case has tried.
func missing(names []string, tried map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return tried[name] })
}

// complete reports whether every route and authenticator was tried.
func (c *Coverage) complete() bool {
	return len(missing(c.routes, c.triedRoutes))+len(missing(c.authenticators, c.triedAuthenticators)) == 0
}

// MarshalJSON lists what no case has tried.
func (c *Coverage) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Config         string   `json:"config"`
		Routes         []string `json:"routes"`
		Authenticators []string `json:"authenticators"`
	}{c.config, missing(c.routes, c.triedRoutes), missing(c.authenticators, c.triedAuthenticators)})
}
