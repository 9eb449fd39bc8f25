package keys

import "reflect"

// SameSource reports whether the keys of both settings come from one place. What
// has become of a single key, that key says itself.
func (s *Settings) SameSource(o *Settings) bool {
	return s.location() == o.location() && s.JWKSFile == o.JWKSFile &&
		(s.Secrets == nil) == (o.Secrets == nil) && s.SecretsFile.Path == o.SecretsFile.Path && (s.PublicKeys == nil) == (o.PublicKeys == nil) &&
		s.KeyringFile.Path == o.KeyringFile.Path && reflect.DeepEqual(s.Select, o.Select)
}
