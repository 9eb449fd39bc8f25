package keys

import "time"

// Listed is a credential or key that the configuration lists.
type Listed struct {
	ID string
	// NotAfter is its end, the zero time for none.
	NotAfter   time.Time
	Attributes map[string]string
}

// Listed returns the secrets or public keys in their order, nil where they are
// not listed.
func (s *Settings) Listed() (list []Listed) {
	if s.listsSecrets() || s.PublicKeys != nil {
		list = []Listed{}
	}
	for _, secret := range s.secretList() {
		list = append(list, Listed{secret.ID, secret.NotAfter, secret.Attributes})
	}
	for _, key := range s.PublicKeys {
		list = append(list, Listed{ID: key.ID, Attributes: key.Attributes})
	}
	return list
}
