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
	loaded := &Static{symmetric: s.listsSecrets()}
	lease := func(names ...string) *Lease { return l.Lease(s.MaxStale.Std(), names...) }
	var keys []*Key
	switch {
	case s.listsSecrets():
		loaded.lease = lease(s.SecretsFile.Path)
		own := func(names ...string) *Lease { return lease(append(names, s.SecretsFile.Path)...) }
		keys = loadSecrets(s.secretList(), s.SecretsPath(at), l, own, allowWeak, problems)
	case s.PublicKeys != nil:
		keys = loadPublicKeys(s.PublicKeys, at.At("public_keys"), l, lease, problems)
	case s.JWKSFile != "":
		jwks, err := loadJWKS(s.JWKSFile, l)
		if err != nil {
			problems.Addf(at.At("jwks_file"), "%v", err)
			return nil
		}
		keys, loaded.ignored, loaded.lease = jwks.Keys, jwks.Reasons, lease(s.JWKSFile)
		for _, k := range keys {
			k.lend(loaded.lease)
		}
	default:
		return nil
	}
	if len(problems.List) > before {
		return nil
	}
	loaded.set = newSet(keys)
	return loaded
}

// leasing returns the lease of what came from the files of some names; "" is none.
type leasing func(names ...string) *Lease

func loadSecrets(secrets []SecretSettings, at policy.Path, l Loader, lease leasing, allowWeak bool, problems *policy.Problems) []*Key {
	var keys []*Key
	for i, s := range secrets {
		secret, err := l.Secret(s.Value)
		if err == nil && len(secret) < minSecretBytes && !allowWeak {
			problems.Addf(at.At(i, "value"), "the secret is shorter than %d bytes and can be guessed (allow_weak_secret: true accepts it)", minSecretBytes)
			continue
		}
		keys = appendKey(keys, &Key{
			ID: s.ID, Attributes: s.Attributes, NotBefore: s.NotBefore, NotAfter: s.NotAfter, material: secret,
		}, lease(s.Value.File), err, problems, at, i, "value")
	}
	return keys
}

func loadPublicKeys(publicKeys []PublicKeySettings, at policy.Path, l Loader, lease leasing, problems *policy.Problems) []*Key {
	var keys []*Key
	for i, s := range publicKeys {
		key, err := loadPEM(s.File, l)
		if err == nil {
			key.ID, key.Attributes = s.ID, s.Attributes
		}
		keys = appendKey(keys, key, lease(s.File), err, problems, at, i, "file")
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

// appendKey appends a key that has a lease, or reports why there is none, at the
// path that the steps lead to.
func appendKey(keys []*Key, k *Key, lease *Lease, err error, problems *policy.Problems, at policy.Path, steps ...any) []*Key {
	if err == nil {
		k, err = k.seal()
	}
	if err != nil {
		problems.Addf(at.At(steps...), "%v", err)
		return keys
	}
	k.lend(lease)
	return append(keys, k)
}
