package policytest

import (
	"crypto/x509"
	"maps"
	"net/http"
	"slices"
	"time"

	"postern/authn"
	"postern/config"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

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

// newTrial makes the request of a case, or reports why it cannot be made.
func (f *File) newTrial(i int, r *config.Rehearsal, now time.Time, problems *policy.Problems) *trial {
	t := &trial{
		Case: &f.Cases[i], path: policy.Path{"cases", i}, at: now,
		credentials: map[string]string{}, signers: map[string]*keys.MintKey{},
	}
	for _, at := range []time.Time{f.At, t.At} {
		if !at.IsZero() {
			t.at = at
		}
	}
	before := len(problems.List)
	t.checkNames(t.path, r, problems)
	if len(problems.List) == before {
		t.prepare(r, problems)
	}
	return t
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
