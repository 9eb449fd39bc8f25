package policytest

import (
	"context"
	"crypto/x509"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"postern/authn"
	"postern/config"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// Parts stand in the place of what a gate asks for its decisions.
type Parts struct {
	// Keys verify tokens, by authenticator; those of the configuration do where it
	// names none.
	Keys map[string]authn.KeySet
	// Services answer in the place of those that authenticators ask.
	Services map[string]http.RoundTripper
	// Instead returns what stands in the place of an authenticator, or that itself.
	Instead func(name string, a authn.Authenticator) authn.Authenticator
}

// Build makes the gate of a configuration, as serve has it but for the parts.
type Build func(*config.Config, Parts) *gate.Gate

// Suite is a file whose cases are ready to be tried.
type Suite struct {
	file      *File
	rehearsal *config.Rehearsal
	trials    []*trial
	build     Build
}

// trial is a case with its request.
type trial struct {
	*Case
	path         policy.Path // of the case
	at           time.Time
	credentials  map[string]string // by authenticator
	request      *http.Request
	body         []byte
	certificates [][]*x509.Certificate
	signers      map[string]*keys.MintKey // by authenticator of requests
}

// Prepare loads the configuration of a file and makes the request of each case, at
// now where the file tells no time. The error is [config.Errors] where the file or
// its configuration has faults.
func (f *File) Prepare(build Build, now time.Time) (*Suite, error) {
	r, err := config.Rehearse(f.configFile(), f.tenants())
	if err != nil {
		return nil, err
	}
	// Every case stands for itself: nothing that one has verified or asked serves
	// another, whose clock may be another one.
	r.Cache.Max = 0
	s := &Suite{file: f, rehearsal: r, build: build}
	var problems policy.Problems
	for i := range f.Cases {
		t := &trial{Case: &f.Cases[i], path: policy.Path{"cases", i}, at: now, credentials: map[string]string{}, signers: map[string]*keys.MintKey{}}
		for _, at := range []time.Time{f.At, t.At} {
			if !at.IsZero() {
				t.at = at
			}
		}
		before := len(problems.List)
		t.checkNames(t.path, r, &problems)
		if len(problems.List) == before {
			t.prepare(r, &problems)
		}
		s.trials = append(s.trials, t)
	}
	if err := f.places.Errors(problems); err != nil {
		return nil, err
	}
	return s, nil
}

// tenants returns those whose keys sign, by authenticator.
func (f *File) tenants() map[string][]string {
	all := map[string][]string{}
	for i := range f.Cases {
		for name, c := range f.Cases[i].Credentials {
			if c.Tenant != "" {
				all[name] = append(all[name], c.Tenant)
			}
		}
	}
	return all
}

// prepare makes the credentials and the request.
func (t *trial) prepare(r *config.Rehearsal, problems *policy.Problems) {
	p := placing{draft: t.draft(), credentials: t.credentials, placed: map[string]bool{}}
	names := slices.Sorted(maps.Keys(t.Credentials))
	for _, name := range names {
		m := &maker{t.Credentials[name], r.Authenticators[name], r.StandIns[name], t.at}
		var err error
		switch {
		case m.authenticator.MTLS != nil:
			var chain []*x509.Certificate
			chain, err = m.chain()
			t.certificates = append(t.certificates, chain)
		case m.authenticator.Signature != nil:
			p.credentials[name] = m.requestSignature()
			t.signers[name], err = m.signer()
		default:
			p.credentials[name], err = m.text()
		}
		if err != nil {
			problems.Addf(t.path.At("credentials", name), "%v", err)
			return
		}
	}
	if err := p.fill(); err != nil {
		problems.Addf(t.path.At("request"), "%v", err)
		return
	}
	for _, name := range names {
		if err := p.put(name, r.Authenticators[name].Settings().Carriers()[0]); err != nil {
			problems.Addf(t.path.At("credentials", name), "%v", err)
			return
		}
	}
	var err error
	if t.request, t.body, err = p.parse(); err != nil {
		problems.Addf(t.path.At("request"), "%v", err)
	}
}

// Run tries the cases whose name matches, all of them without an expression.
func (s *Suite) Run(ctx context.Context, match *regexp.Regexp) *Report {
	report := &Report{File: s.file.name, Cases: []Result{}, coverage: newCoverage(s)}
	for _, t := range s.trials {
		if match != nil && !match.MatchString(t.Name) {
			continue
		}
		o, asked := s.try(ctx, t)
		report.Cases = append(report.Cases, s.result(t, o))
		report.coverage.note(o, asked)
	}
	return report
}

// try has a gate of its own decide about a case. It also returns who was asked.
func (s *Suite) try(ctx context.Context, t *trial) (o *Outcome, asked []string) {
	parts := Parts{Keys: map[string]authn.KeySet{}, Services: map[string]http.RoundTripper{}, Instead: t.sign}
	for name, standIn := range s.rehearsal.StandIns {
		if standIn.Public != nil {
			parts.Keys[name] = standIn.Public
		}
	}
	services := map[string]*service{}
	for name, answer := range t.Answers {
		services[name] = &service{answer: answer}
		parts.Services[name] = services[name]
	}
	var d gate.Decision
	s.build(s.rehearsal.Config, parts).Decide(ctx, t.gateRequest(), &d)
	for name, service := range services {
		if service.asked {
			asked = append(asked, name)
		}
	}
	o = newOutcome(&d, t.request)
	o.mask(t.credentials)
	return o, asked
}

// sign returns, for an authenticator of requests whose signature the case carries,
// the one that signs first.
func (t *trial) sign(name string, a authn.Authenticator) authn.Authenticator {
	if signature, ok := a.(*authn.Signature); ok && t.signers[name] != nil {
		return &signing{signature, t.signers[name]}
	}
	return a
}

func (t *trial) gateRequest() *gate.Request {
	r := &gate.Request{
		Method: t.request.Method, Host: t.request.Host, Proto: t.request.Proto, Target: t.request.RequestURI,
		URL: t.request.URL, Header: t.request.Header, Certificates: t.certificates, Time: t.at, ID: "policy-test",
	}
	if len(t.body) > 0 {
		r.Body = gate.Bytes(t.body)
	}
	return r
}
