package policytest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"net/url"

	"postern/keys"
	"postern/policy"
)

// Certificate is what a client's certificate says, as references name it.
type Certificate struct {
	Subject struct {
		CN string                   `yaml:"cn"`
		O  policy.OneOrMore[string] `yaml:"o"`
		OU policy.OneOrMore[string] `yaml:"ou"`
		C  policy.OneOrMore[string] `yaml:"c"`
		ST policy.OneOrMore[string] `yaml:"st"`
		L  policy.OneOrMore[string] `yaml:"l"`
	} `yaml:"subject"`
	SAN struct {
		URI   policy.OneOrMore[uri]        `yaml:"uri"`
		DNS   policy.OneOrMore[string]     `yaml:"dns"`
		Email policy.OneOrMore[string]     `yaml:"email"`
		IP    policy.OneOrMore[netip.Addr] `yaml:"ip"`
	} `yaml:"san"`
}

// uri is a URL that reads itself.
type uri struct{ url.URL }

// UnmarshalText reads the URL.
func (u *uri) UnmarshalText(text []byte) error { return u.UnmarshalBinary(text) }

// chain issues the certificate.
func (m *maker) chain() ([]*x509.Certificate, error) {
	template := &x509.Certificate{}
	if c := m.wanted.Certificate; c != nil {
		template.Subject = pkix.Name{
			CommonName: c.Subject.CN, Organization: c.Subject.O, OrganizationalUnit: c.Subject.OU,
			Country: c.Subject.C, Province: c.Subject.ST, Locality: c.Subject.L,
		}
		template.DNSNames, template.EmailAddresses = c.SAN.DNS, c.SAN.Email
		for i := range c.SAN.URI {
			template.URIs = append(template.URIs, &c.SAN.URI[i].URL)
		}
		for _, address := range c.SAN.IP {
			template.IPAddresses = append(template.IPAddresses, net.IP(address.AsSlice()))
		}
	}
	template.NotBefore, template.NotAfter = m.times(nil)
	var err error
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128)); err != nil {
		return nil, err
	}
	authority := m.standIn.Authority
	if m.wanted.SignedBy == stranger {
		if authority, err = keys.NewMintAuthority(); err != nil {
			return nil, err
		}
	}
	return authority.Issue(template)
}
