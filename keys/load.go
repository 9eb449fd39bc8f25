package keys

import "postern/policy"

// minSecretBytes is the least for HS256 (RFC 7518, section 3.2).
const minSecretBytes = 32

// Load reads what the settings name and returns the set of keys, or nil where
// something cannot be used, which is reported, and for a remote source or a key
// ring, whose keys are not loaded here. allowWeak accepts secrets under 32 bytes. The settings have
// passed Check.
func (s *Settings) Load(at policy.Path, l Loader, allowWeak bool, problems *policy.Problems) *Static {
	before := len(problems.List)
	loaded := &Static{symmetric: s.Secrets != nil}
	var keys []*Key
	switch {
	case s.Secrets != nil:
		keys = loadSecrets(s.Secrets, at.At("secrets"), l, allowWeak, problems)
	case s.PublicKeys != nil:
		keys = loadPublicKeys(s.PublicKeys, at.At("public_keys"), l, problems)
	case s.JWKSFile != "":
		jwks, err := loadJWKS(s.JWKSFile, l)
		if err != nil {
			problems.Addf(at.At("jwks_file"), "%v", err)
			return nil
		}
		keys, loaded.ignored = jwks.Keys, jwks.Reasons
	default:
		return nil
	}
	if len(problems.List) > before {
		return nil
	}
	loaded.set = newSet(keys)
	return loaded
}

func loadSecrets(secrets []SecretSettings, at policy.Path, l Loader, allowWeak bool, problems *policy.Problems) []*Key {
	var keys []*Key
	for i, s := range secrets {
		secret, err := l.Secret(s.Value)
		if err == nil && len(secret) < minSecretBytes && !allowWeak {
			problems.Addf(at.At(i, "value"), "the secret is shorter than %d bytes and can be guessed (allow_weak_secret: true accepts it)", minSecretBytes)
			continue
		}
		keys = appendKey(keys, &Key{
			ID: s.ID, Attributes: s.Attributes, NotBefore: s.NotBefore, NotAfter: s.NotAfter, material: secret,
		}, err, at.At(i, "value"), problems)
	}
	return keys
}

func loadPublicKeys(publicKeys []PublicKeySettings, at policy.Path, l Loader, problems *policy.Problems) []*Key {
	var keys []*Key
	for i, s := range publicKeys {
		key, err := loadPEM(s.File, l)
		if err == nil {
			key.ID, key.Attributes = s.ID, s.Attributes
		}
		keys = appendKey(keys, key, err, at.At(i, "file"), problems)
	}
	return keys
}

func loadPEM(path string, l Loader) (*Key, error) {
	data, err := l.File(path)
	if err != nil {
		return nil, err
	}
	return parsePEM(data)
}

func loadJWKS(path string, l Loader) (*Published, error) {
	data, err := l.File(path)
	if err != nil {
		return nil, err
	}
	return ParseJWKS(data)
}

// appendKey appends a key, or reports why there is none.
func appendKey(keys []*Key, k *Key, err error, at policy.Path, problems *policy.Problems) []*Key {
	if err == nil {
		k, err = k.seal()
	}
	if err != nil {
		problems.Addf(at, "%v", err)
		return keys
	}
	return append(keys, k)
}
