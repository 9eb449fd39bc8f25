package authn

import (
	"context"
	"crypto/x509"
	"time"

	"postern/keys"
	"postern/policy"
)

// MTLS takes the client's certificate, which the TLS handshake has verified, for a
// credential. A connection may be older than what is asked of certificates now, so
// that each request is held to that afresh. It is immutable and safe for concurrent
// use.
type MTLS struct {
	revocable
	name        string
	settings    MTLSSettings
	carriers    []Carrier
	authorities *keys.Static
	pool        *x509.CertPool
}

// Carriers implements [Authenticator].
func (m *MTLS) Carriers() []Carrier { return m.carriers }

// ForwardCredential implements [Authenticator]: what proves who the client is ends
// with the connection.
func (m *MTLS) ForwardCredential() bool { return false }

// Affinity implements [Authenticator]; no other authenticator reads certificates.
func (m *MTLS) Affinity(Unverified) Affinity { return NoAffinity }

// Verify implements [Authenticator]. The handshake took the time-consuming part, so
// that nothing is cached.
func (m *MTLS) Verify(_ context.Context, c Credential, at time.Time) (*Verified, CacheUse, error) {
	v, err := m.trace(c.Chains, at, c.Trace)
	if err == nil {
		c.Trace.Enter(CheckStanding)
		err = v.Standing(at)
	}
	if err != nil {
		return nil, NoCache, err
	}
	return v, NoCache, nil
}

// trace follows chains to an authority that counts at a time.
func (m *MTLS) trace(chains [][]*x509.Certificate, at time.Time, t *Trace) (*Verified, error) {
	t.Enter(CheckAuthority)
	chain, key := m.anchor(chains)
	if key == nil {
		chain, key = m.anchor(m.build(chains, at))
	}
	if key == nil {
		return nil, policy.Deny(policy.UnknownKey, "no authority that counts vouches for the certificate")
	}
	t.Enter(CheckCustomer)
	v := m.identify(chain, key)
	v.proof = chains
	if err := v.nameCustomer(m.settings.CustomerID, m.settings.CustomerIDOptional); err != nil {
		return nil, err
	}
	return v, nil
}

// anchor returns the chain that lasts longest of those from an authority that
// counts, with the key of that one; nil where there is none.
func (m *MTLS) anchor(chains [][]*x509.Certificate) (chain []*x509.Certificate, key *keys.Key) {
	for _, c := range chains {
		k := m.authorities.Key(keys.Fingerprint(c[len(c)-1]))
		if k != nil && (key == nil || endOf(c).After(endOf(chain))) {
			chain, key = c, k
		}
	}
	return chain, key
}

// build returns the chains of a connection whose authorities no longer count as they
// were: another certificate of the same authority may have come in the place of one.
func (m *MTLS) build(chains [][]*x509.Certificate, at time.Time) (built [][]*x509.Certificate) {
	for _, c := range chains {
		between := x509.NewCertPool()
		for _, certificate := range c[1:] {
			between.AddCert(certificate)
		}
		found, err := c[0].Verify(x509.VerifyOptions{
			Roots: m.pool, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if err == nil {
			built = append(built, found...)
		}
	}
	return built
}

func (m *MTLS) identify(chain []*x509.Certificate, key *keys.Key) *Verified {
	leaf, end := chain[0], endOf(chain)
	return &Verified{
		Identity: policy.Identity{
			Level:         policy.Application,
			Certificate:   describe(leaf),
			Authenticator: m.name,
			CredentialID:  keys.Fingerprint(leaf),
			ExpiresAt:     end,
		},
		key:         key,
		by:          m,
		revocations: m.revocations,
		issued:      leaf.NotBefore,
		notBefore:   leaf.NotBefore,
		expires:     end.Add(1), // RFC 5280, section 4.1.2.5: the last instant counts
	}
}

// endOf returns when the first certificate of a chain ends.
func endOf(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain[1:] {
		end = earliest(end, c.NotAfter)
	}
	return end
}
