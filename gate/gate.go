package gate

import (
	"context"
	"runtime"

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
	// TokenBytes bounds a credential that is looked at to learn whom it is for.
	TokenBytes int
	// IdentityHeaders are the names that any part of the configuration sets.
	// No client may send them.
	IdentityHeaders []string
	// Asserter signs what upstreams are told of identities; nil for nobody. Its
	// header is among IdentityHeaders.
	Asserter *authn.Asserter
	// Denials and CORS are for a request that matches no route; nil is the format
	// of problem details, and no policy for pages of other origins.
	Denials *policy.DenialFormat
	CORS    *policy.CORS
}

// Gate is one compiled policy. It is immutable and safe for concurrent use.
type Gate struct {
	matcher   *policy.Matcher
	routes    []*route // by policy.Route.Index; those that are alike share one
	fields    fieldTable
	carriers  carrierNames
	anonymous *authn.Verified
	asserter  *authn.Asserter
	// scans has room for as many bodies as are read at a time.
	scans chan struct{}
	// tokenBytes bounds a credential that is taken apart.
	tokenBytes int
	denials    *policy.DenialFormat
	cors       *policy.CORS
}

// New compiles a policy. The configuration was checked: names resolve.
func New(s Settings) *Gate {
	g := &Gate{
		matcher:   s.Matcher,
		routes:    make([]*route, len(s.Routes)),
		fields:    newFieldTable(s),
		carriers:  newCarrierNames(s.Authenticators),
		anonymous: authn.NewAnonymous(),
		asserter:  s.Asserter,
		denials:   s.Denials,
		cors:      s.CORS,

		scans:      make(chan struct{}, runtime.GOMAXPROCS(0)),
		tokenBytes: s.TokenBytes,
	}
	alike := map[string]*route{}
	for _, r := range s.Routes {
		compiled := alike[shape(r)]
		if compiled == nil {
			compiled = newRoute(r, s.Authenticators)
			alike[shape(r)] = compiled
		}
		g.routes[r.Index] = compiled
	}
	return g
}

// Begin makes d a decision about r that has not been made yet, which can render
// a failure in its place.
//
// Inlined, it would leave room for a second Decision on each stack that a request
// waits on, which made those twice as large.
//
//go:noinline
func (g *Gate) Begin(r *Request, d *Decision) {
	*d = Decision{gate: g, request: r, values: d.values, denials: g.denials, cors: g.cors}
	d.values.Reset()
}

// Decide fills in d, which is the caller's and may be reused, with the decision
// about r. It waits for nothing but what an authenticator seeks, a key or the
// answer of a service, within bounds and until ctx ends. d keeps r until its next use.
func (g *Gate) Decide(ctx context.Context, r *Request, d *Decision) {
	g.Begin(r, d)
	err := g.decide(ctx, r, d)
	if r.Trace != nil {
		d.trace(err)
	}
	denial := policy.AsDenial(err)
	if denial != nil && d.compiled != nil && d.reports() && d.body.passable() {
		d.Reported = denial
		return
	}
	d.Denial = denial
}

func (g *Gate) decide(ctx context.Context, r *Request, d *Decision) error {
	t := r.Trace
	t.Enter(authn.CheckRequestLine)
	if err := checkRequestLine(r); err != nil {
		return err
	}
	path := r.path()
	t.Enter(authn.CheckPath)
	encodedSlash, err := checkPath(path)
	if err != nil {
		return err
	}
	t.Enter(authn.CheckHeaders)
	if err := g.fields.check(r.Header); err != nil {
		return err
	}
	t.Enter(authn.CheckQuery)
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return err
	}
	t.Enter(authn.CheckRoute)
	d.host = policy.NormalizeHost(r.Host)
	err = g.match(r, path, d)
	if encodedSlash && (policy.ReasonOf(err) == policy.NoRoute || err == nil && !d.Route.EncodedSlash) {
		return policy.Deny(policy.AmbiguousPath, "the path holds an encoded slash")
	}
	if err != nil {
		return err
	}
	if encodedSlash && g.servesDecoded(r.Method, d.host, path, d.values.Pattern()) {
		return policy.Deny(policy.AmbiguousPath, "the path leads to another route once its slashes are decoded")
	}
	d.compiled = g.routes[d.Route.Index]
	d.denials, d.cors = d.Route.Denials, d.Route.CORS
	// First: a route that only reports upgrades whatever else is wrong.
	if err := d.checkUpgrade(); err != nil {
		return err
	}
	t.Enter(authn.CheckNames)
	if err := checkNames(r, d.compiled); err != nil {
		return err
	}
	if d.Preflight {
		t.Enter(authn.CheckPreflight)
		return d.cors.CheckPreflight(r.Header) // it carries no credential
	}
	if err := checkOrigin(r, d.Route); err != nil {
		return err
	}
	t.Enter(authn.CheckCredential)
	if err := g.authenticate(ctx, d); err != nil {
		return err
	}
	if err := d.checkLapse(); err != nil {
		return err
	}
	t.Enter(authn.CheckRequirement)
	if err := d.Route.Require.Check(&d.Verified.Identity); err != nil {
		return err
	}
	return d.checkConsistency(ctx)
}
