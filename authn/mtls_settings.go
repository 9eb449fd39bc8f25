package authn

import (
	"crypto/x509"

	"postern/keys"
	"postern/policy"
)

// MTLSSettings configure an authenticator of client certificates. Which authorities
// count is the listener's to say: server.tls.client_ca_file.
type MTLSSettings struct {
	// CustomerID is the part of the certificate that names the customer; without it
	// the level is application.
	CustomerID         policy.Reference `yaml:"customer_id"`
	CustomerIDOptional bool             `yaml:"customer_id_optional"`
}

// Check reports what is wrong with the settings.
func (s *MTLSSettings) Check(at policy.Path, problems *policy.Problems) {
	switch s.CustomerID.Source {
	case policy.SourceNone, policy.Certificate:
		if s.CustomerID.NamesList() {
			problems.Addf(at.At("customer_id"), "%s is a list, which names nobody: use [0] for its first element", s.CustomerID)
		}
	default:
		problems.Addf(at.At("customer_id"), "%s cannot name the customer: use certificate.<path>, such as certificate.san.uri[0]", s.CustomerID)
	}
	checkOptional(at, s.CustomerID, s.CustomerIDOptional, problems)
}

// Carriers returns where the credential stands: in the connection.
func (s *MTLSSettings) Carriers() []Carrier { return []Carrier{{Certificate: true}} }

// Reads returns nothing: a certificate says all by itself.
func (s *MTLSSettings) Reads() []policy.Reference { return nil }

// Customer returns what names the customer, and whether it may be missing.
func (s *MTLSSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, s.CustomerIDOptional
}

// Listed returns nothing: the authorities are the listener's.
func (s *MTLSSettings) Listed() []keys.Listed { return nil }

// NewMTLS compiles the authenticator. The settings have passed Check; authorities
// are those whose certificates count, by fingerprint, and pool holds the same ones.
func NewMTLS(name string, s *MTLSSettings, authorities *keys.Static, pool *x509.CertPool) *MTLS {
	return &MTLS{name: name, settings: *s, carriers: s.Carriers(), authorities: authorities, pool: pool}
}
