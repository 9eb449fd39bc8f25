package gate

import (
	"context"
	"maps"
	"slices"
	"strings"

	"postern/authn"
	"postern/policy"
)

// Settings are the compiled parts of a policy.
type Settings struct {
	// Routes are numbered by their Index, and are those of Matcher.
	Routes  []*policy.Route
	Matcher *policy.Matcher
	// Authenticators by the name that routes use; anonymous is built in.
	Authenticators map[string]authn.Authenticator
	// IdentityHeaders are the names that any part of the configuration sets.
	// No client may send them.
	IdentityHeaders []string
}

// Gate is one compiled policy. It is immutable and safe for concurrent use.
type Gate struct {
	matcher   *policy.Matcher
	routes    []route
	fields    fieldTable
	anonymous *authn.Verified
}

// route is what the gate keeps beside a policy's route.
type route struct {
	alternatives []alternative
	challenges   []string // schemes, in order, each once
	headers      []string // in which credentials stand, Authorization in any case
	query        []string // parameter names that rules compare
	cookies      []string // cookie names that rules compare
}

type alternative struct {
	name string
	authn.Authenticator
	forward bool
}

// New compiles a policy. The configuration was checked: names resolve.
func New(s Settings) *Gate {
	g := &Gate{
		matcher:   s.Matcher,
		routes:    make([]route, len(s.Routes)),
		fields:    newFieldTable(s),
		anonymous: authn.NewAnonymous(),
	}
	for _, r := range s.Routes {
		g.routes[r.Index] = compileRoute(r, s.Authenticators)
	}
	return g
}

func compileRoute(r *policy.Route, authenticators map[string]authn.Authenticator) route {
	compiled := route{headers: []string{"Authorization"}}
	for _, name := range r.Alternatives {
		if name == authn.AnonymousName {
			compiled.alternatives = append(compiled.alternatives, alternative{name: name})
			continue
		}
		a := alternative{name: name, Authenticator: authenticators[name]}
		a.forward = a.ForwardCredential()
		if r.ForwardCredential != nil {
			a.forward = *r.ForwardCredential
		}
		compiled.alternatives = append(compiled.alternatives, a)
		for _, carrier := range a.Carriers() {
			if !slices.Contains(compiled.headers, carrier.Header) {
				compiled.headers = append(compiled.headers, carrier.Header)
			}
			if scheme := challengeScheme(carrier); !slices.Contains(compiled.challenges, scheme) {
				compiled.challenges = append(compiled.challenges, scheme)
			}
		}
	}
	query, cookies := map[string]bool{}, map[string]bool{}
	for _, rule := range r.Rules {
		switch rule.Request.Source {
		case policy.QueryParameter:
			query[rule.Request.Name] = true
		case policy.Cookie:
			cookies[rule.Request.Name] = true
		}
	}
	compiled.query = slices.Sorted(maps.Keys(query))
	compiled.cookies = slices.Sorted(maps.Keys(cookies))
	return compiled
}

// Decide fills in d, which is the caller's and may be reused, with the decision
// about r. It waits for nothing but a key that an authenticator seeks, within
// bounds and until ctx ends. d keeps r until its next use.
func (g *Gate) Decide(ctx context.Context, r *Request, d *Decision) {
	*d = Decision{gate: g, request: r, values: d.values}
	d.values.Reset()
	d.Denial = policy.AsDenial(g.decide(ctx, r, d))
}

func (g *Gate) decide(ctx context.Context, r *Request, d *Decision) error {
	if err := checkRequestLine(r); err != nil {
		return err
	}
	path := r.path()
	encodedSlash, err := checkPath(path)
	if err != nil {
		return err
	}
	if err := g.fields.check(r.Header); err != nil {
		return err
	}
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return err
	}
	host := policy.NormalizeHost(r.Host)
	d.Route, err = g.matcher.Match(r.Method, host, path, &d.values)
	if encodedSlash && (policy.ReasonOf(err) == policy.NoRoute || err == nil && !d.Route.EncodedSlash) {
		return policy.Deny(policy.AmbiguousPath, "the path holds an encoded slash")
	}
	if err != nil {
		return err
	}
	if encodedSlash && g.servesDecoded(r.Method, host, path, d.values.Pattern()) {
		return policy.Deny(policy.AmbiguousPath, "the path leads to another route once its slashes are decoded")
	}
	d.compiled = &g.routes[d.Route.Index]
	if err := checkNames(r, d.compiled); err != nil {
		return err
	}
	if err := g.authenticate(ctx, r, d); err != nil {
		return err
	}
	return d.checkConsistency(host)
}

// servesDecoded reports whether a backend that takes an encoded slash for a
// slash would serve the path under a more specific pattern than the one found.
func (g *Gate) servesDecoded(method, host, path string, found *policy.Pattern) bool {
	var values policy.Values
	_, err := g.matcher.Match(method, host, strings.NewReplacer("%2F", "/", "%2f", "/").Replace(path), &values)
	if err != nil {
		return policy.ReasonOf(err) != policy.NoRoute
	}
	return values.Pattern().MoreSpecificThan(found)
}
