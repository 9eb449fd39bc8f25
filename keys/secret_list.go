package keys

import "postern/policy"

// listsSecrets reports whether the keys are a list of secrets, wherever it stands.
func (s *Settings) listsSecrets() bool { return s.Secrets != nil || s.SecretsFile.Path != "" }

// secretList returns the secrets that are listed.
func (s *Settings) secretList() []SecretSettings {
	if s.Secrets != nil {
		return s.Secrets
	}
	return s.SecretsFile.Content
}

// SecretsPath returns where the list of secrets stands.
func (s *Settings) SecretsPath(at policy.Path) policy.Path {
	if s.SecretsFile.Path != "" {
		return at.At("secrets_file")
	}
	return at.At("secrets")
}
