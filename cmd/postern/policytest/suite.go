package policytest

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"postern/authn"
	"postern/config"
	"postern/gate"
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

// Prepare loads the configuration of a file and makes the request of each case, at
// now where the file tells no time. The error is [config.Errors] where the file or
// its configuration has faults.
func (f *File) Prepare(build Build, now time.Time) (*Suite, error) {
	r, err := config.Rehearse(f.configFile(), f.tenants())
	if err != nil {
		return nil, err
	}
	s := &Suite{file: f, rehearsal: r, build: build}
	var problems policy.Problems
	for i := range f.Cases {
		s.trials = append(s.trials, f.newTrial(i, r, now, &problems))
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

// try has a gate of its own decide about a case, so that nothing that one has
// verified or asked serves another. It also returns who was asked.
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
