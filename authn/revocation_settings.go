package authn

import (
	"time"

	"postern/policy"
)

// RevocationSettings name the list of what is no longer accepted although it
// verifies. An empty list is honoured: nothing is revoked.
type RevocationSettings struct {
	File policy.Included[[]Revocation] `yaml:"file"`
}

// Revocation is one entry of the list. Exactly one of the first four is set.
type Revocation struct {
	// TokenID is the jti of a token.
	TokenID *string `yaml:"jti"`
	// KeyID is the id of a static token, of a secret, also one of a key ring, or
	// of a public key; with it goes every credential that it verifies. Or it is the
	// fingerprint of a client certificate, as [keys.Fingerprint] returns it.
	KeyID *string `yaml:"key_id"`
	// CustomerID is the customer, or any one of the ids where they are an object.
	CustomerID *string `yaml:"customer_id"`
	// Tenant is that of a key ring.
	Tenant *string `yaml:"tenant"`
	// IssuedBefore ends what the customer or tenant was issued earlier, and all
	// that does not say when it was.
	IssuedBefore time.Time `yaml:"issued_before"`
}

const (
	maxRevocations = 1_000_000
	// maxRevocationFaults is how many are worth telling: a mistake of whatever
	// writes the list is seen after a few.
	maxRevocationFaults = 100
)

// Check reports what is wrong with the settings and with the list; s may be nil.
func (s *RevocationSettings) Check(at policy.Path, problems *policy.Problems) {
	if s == nil {
		return
	}
	place, before := at.At("file"), len(problems.List)
	switch {
	case s.File.Path == "":
		problems.Addf(at, "file is missing")
	case len(s.File.Content) > maxRevocations:
		problems.Addf(place, "has more than %d entries", maxRevocations)
	}
	for i := range s.File.Content {
		s.File.Content[i].check(place.At(i), problems)
		if len(problems.List)-before >= maxRevocationFaults {
			break
		}
	}
}

func (r *Revocation) check(at policy.Path, problems *policy.Problems) {
	given := 0
	for _, member := range [...]struct {
		key  string
		text *string
	}{{"jti", r.TokenID}, {"key_id", r.KeyID}, {"customer_id", r.CustomerID}, {"tenant", r.Tenant}} {
		if member.text == nil {
			continue
		}
		if *member.text == "" {
			problems.Addf(at.At(member.key), "is empty, which names nothing")
		}
		given++
	}
	bounded := r.CustomerID != nil || r.Tenant != nil
	switch {
	case given != 1:
		problems.Addf(at, "wants exactly one of jti, key_id, customer_id and tenant")
	case bounded && !r.IssuedBefore.After(time.Time{}):
		problems.Addf(at, "issued_before is missing: it spares what is issued later")
	case !bounded && !r.IssuedBefore.IsZero():
		problems.Addf(at.At("issued_before"), "goes with customer_id and tenant alone")
	}
}
