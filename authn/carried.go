package authn

// carried is what every authenticator knows of where its credential stands. It is
// immutable.
type carried struct {
	carriers []Carrier
	forward  bool
}

// Carriers implements [Authenticator].
func (c *carried) Carriers() []Carrier { return c.carriers }

// ForwardCredential implements [Authenticator].
func (c *carried) ForwardCredential() bool { return c.forward }

// opaque is what authenticators have in common whose credentials are anything but
// JWTs.
type opaque struct{ carried }

// Affinity implements [Authenticator].
func (*opaque) Affinity(u Unverified) Affinity {
	if u.JWS {
		return NoAffinity
	}
	return AnyIssuer
}
