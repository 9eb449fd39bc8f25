package authn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// certified is a certificate with its key.
type certified struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// certify makes a certificate of an issuer, its own where that is nil.
func certify(t testing.TB, issuer *certified, template x509.Certificate) *certified {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	c := &certified{&template, key}
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.Certificate, &key.PublicKey, issuer.key)
	if err == nil {
		c.Certificate, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func certifyAuthority(t testing.TB, issuer *certified, name string, end time.Time) *certified {
	t.Helper()
	return certify(t, issuer, x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: at.Add(-time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// recertify returns another certificate of an authority, with the same key.
func recertify(t testing.TB, authority *certified, end time.Time) *certified {
	t.Helper()
	template := *authority.Certificate
	template.SerialNumber, template.NotAfter = big.NewInt(2), end
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &authority.key.PublicKey, authority.key)
	if err != nil {
		t.Fatal(err)
	}
	return &certified{must(x509.ParseCertificate(der)), authority.key}
}

// newMTLS returns an authenticator that trusts the authorities.
func newMTLS(t testing.TB, change func(*authn.MTLSSettings), authorities ...*certified) *authn.MTLS {
	t.Helper()
	var bundle []byte
	for _, a := range authorities {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Raw})...)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	pool, set, err := keys.Loader{Dir: dir}.Authorities("ca.crt")
	if err != nil {
		t.Fatal(err)
	}
	settings := new(authn.MTLSSettings)
	change(settings)
	var problems policy.Problems
	settings.Check(nil, &problems)
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	return authn.NewMTLS("partner", settings, set, pool)
}

// Which instants a certificate and those above it count at.
func TestCertificateTimes(t *testing.T) {
	root := certifyAuthority(t, nil, "root", at.Add(3*time.Hour))
	between := certifyAuthority(t, root, "between", at.Add(2*time.Hour))
	leaf := func(end time.Time) []*x509.Certificate {
		c := certify(t, between, x509.Certificate{NotBefore: at.Add(-time.Minute), NotAfter: end, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return []*x509.Certificate{c.Certificate, between.Certificate, root.Certificate}
	}
	m := newMTLS(t, func(*authn.MTLSSettings) {}, root)
	for name, test := range map[string]struct {
		end, at time.Time
		want    policy.Reason
		expires time.Time
	}{
		"good":              {at.Add(time.Hour), at, policy.ReasonNone, at.Add(time.Hour)},
		"its last at":       {at.Add(time.Hour), at.Add(time.Hour), policy.ReasonNone, at.Add(time.Hour)},
		"ended":             {at.Add(time.Hour), at.Add(time.Hour + 1), policy.TokenExpired, time.Time{}},
		"not yet begun":     {at.Add(time.Hour), at.Add(-2 * time.Minute), policy.TokenNotYetValid, time.Time{}},
		"its issuer's last": {at.Add(9 * time.Hour), at.Add(2 * time.Hour), policy.ReasonNone, at.Add(2 * time.Hour)},
		"its issuer ended":  {at.Add(9 * time.Hour), at.Add(2*time.Hour + 1), policy.TokenExpired, time.Time{}},
	} {
		v, _, err := m.Verify(t.Context(), authn.Credential{Chains: [][]*x509.Certificate{leaf(test.end)}}, test.at)
		var expires time.Time
		if err == nil {
			expires = v.ExpiresAt
		}
		if policy.ReasonOf(err) != test.want || !expires.Equal(test.expires) {
			t.Errorf("%s: %v, until %s", name, err, expires)
		}
	}
}

// Of several chains the one counts that lasts longest and leads to an authority.
func TestCertificateChains(t *testing.T) {
	early, late, other := certifyAuthority(t, nil, "early", at.Add(time.Hour)), certifyAuthority(t, nil, "late", at.Add(2*time.Hour)), certifyAuthority(t, nil, "other", at.Add(9*time.Hour))
	leaf := certify(t, early, x509.Certificate{NotBefore: at.Add(-time.Minute), NotAfter: at.Add(3 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	to := func(a *certified) []*x509.Certificate { return []*x509.Certificate{leaf.Certificate, a.Certificate} }
	m := newMTLS(t, func(*authn.MTLSSettings) {}, early, late)
	for name, test := range map[string]struct {
		chains [][]*x509.Certificate
		want   policy.Reason
	}{
		"the later first":         {[][]*x509.Certificate{to(late), to(early)}, policy.ReasonNone},
		"the later last":          {[][]*x509.Certificate{to(other), to(early), to(late)}, policy.ReasonNone},
		"none that counts":        {[][]*x509.Certificate{{certify(t, other, *leaf.Certificate).Certificate, other.Certificate}}, policy.UnknownKey},
		"none":                    {nil, policy.UnknownKey},
		"another, but it is ours": {[][]*x509.Certificate{to(other)}, policy.ReasonNone},
	} {
		v, _, err := m.Verify(t.Context(), authn.Credential{Chains: test.chains}, at)
		if policy.ReasonOf(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
		if len(test.chains) > 1 && (err != nil || !v.ExpiresAt.Equal(late.NotAfter)) {
			t.Errorf("%s: until %v", name, v)
		}
	}
}

// What a certificate says is what references name; what it says in two ways it
// does not say.
func TestCertificateIdentity(t *testing.T) {
	root := certifyAuthority(t, nil, "root", at.Add(time.Hour))
	full := certify(t, root, x509.Certificate{
		SerialNumber: big.NewInt(0xc0ffee), NotBefore: at.Add(-time.Minute), NotAfter: at.Add(time.Minute),
		Subject: pkix.Name{
			CommonName: "gateway", Organization: []string{"acme", "acme labs"}, OrganizationalUnit: []string{"chat"},
			Country: []string{"CZ"}, Province: []string{"Praha"}, Locality: []string{"Smíchov"},
		},
		URIs: []*url.URL{{Scheme: "spiffe", Host: "acme.test", Path: "/ann"}}, DNSNames: []string{"gateway.acme.test"},
		EmailAddresses: []string{"ann@acme.test"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)},
	})
	twice := certify(t, root, x509.Certificate{
		NotBefore: at.Add(-time.Minute), NotAfter: at.Add(time.Minute),
		Subject: pkix.Name{CommonName: "ann", ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "ann"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "bob"},
		}},
	})
	m := newMTLS(t, func(s *authn.MTLSSettings) {
		s.CustomerID, s.CustomerIDOptional = reference(t, "certificate.subject.cn"), true
	}, root)
	verify := func(c *certified) *authn.Verified {
		v, _, err := m.Verify(t.Context(), authn.Credential{Chains: [][]*x509.Certificate{{c.Certificate, root.Certificate}}}, at)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	issuer := map[string]any{"cn": "root", "dn": "CN=root"}
	want := policy.Identity{
		Level: policy.Customer, Customer: "gateway", Authenticator: "partner", CredentialID: keys.Fingerprint(full.Certificate), ExpiresAt: full.NotAfter,
		Certificate: map[string]any{
			"serial": "c0ffee", "fingerprint": keys.Fingerprint(full.Certificate), "issuer": issuer,
			"subject": map[string]any{
				"cn": "gateway", "o": []any{"acme", "acme labs"}, "ou": []any{"chat"}, "c": []any{"CZ"}, "st": []any{"Praha"}, "l": []any{"Smíchov"},
				"dn": full.Subject.String(),
			},
			"san": map[string]any{
				"uri": []any{"spiffe://acme.test/ann"}, "dns": []any{"gateway.acme.test"}, "email": []any{"ann@acme.test"}, "ip": []any{"192.0.2.1"},
			},
		},
	}
	if diff := cmp.Diff(want, verify(full).Identity); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = policy.Identity{
		Level: policy.Application, Authenticator: "partner", CredentialID: keys.Fingerprint(twice.Certificate), ExpiresAt: twice.NotAfter,
		Certificate: map[string]any{
			"serial": "1", "fingerprint": keys.Fingerprint(twice.Certificate), "issuer": issuer,
			"subject": map[string]any{"dn": twice.Subject.String()}, "san": map[string]any{},
		},
	}
	if diff := cmp.Diff(want, verify(twice).Identity); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkMTLS(b *testing.B) {
	root := certifyAuthority(b, nil, "root", at.Add(time.Hour))
	leaf := certify(b, root, x509.Certificate{
		NotBefore: at.Add(-time.Minute), NotAfter: at.Add(time.Minute), URIs: []*url.URL{{Scheme: "spiffe", Host: "acme.test", Path: "/ann"}},
	})
	m := newMTLS(b, func(s *authn.MTLSSettings) { s.CustomerID = reference(b, "certificate.san.uri[0]") }, root)
	c := authn.Credential{Chains: [][]*x509.Certificate{{leaf.Certificate, root.Certificate}}}
	for b.Loop() {
		if _, _, err := m.Verify(b.Context(), c, at); err != nil {
			b.Fatal(err)
		}
	}
}
