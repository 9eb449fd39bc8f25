package keys

import (
	"maps"
	"slices"
	"time"

	"postern/policy"
)

// KeyringSettings are the shared secrets of each tenant, by its name. A tenant
// without secrets is honoured: nothing verifies for it.
type KeyringSettings map[string][]TenantSecretSettings

// TenantSecretSettings configure a shared secret of a tenant.
type TenantSecretSettings struct {
	ID        string    `yaml:"id"`
	Value     Value     `yaml:"value"`
	NotBefore time.Time `yaml:"not_before"`
	NotAfter  time.Time `yaml:"not_after"`
}

// maxRingFaults is how many faults of a ring are worth telling: a mistake that
// all of its tenants share is seen after a few.
const maxRingFaults = 100

// LoadRing reads the secrets of a key ring. What cannot be used is reported, and
// the result is then nil. allowWeak accepts secrets under 32 bytes. The settings
// have passed Check, which leaves what is in the ring to LoadRing.
func (s *Settings) LoadRing(at policy.Path, l Loader, allowWeak bool, problems *policy.Problems) *Ring {
	before := len(problems.List)
	file, maxStale := s.KeyringFile.Path, s.MaxStale.Std()
	ring := &Ring{tenants: make(map[string][]*Key, len(s.KeyringFile.Content)), lease: l.Lease(maxStale, file)}
	lease := func(own ...string) *Lease {
		if own[0] == "" {
			return ring.lease // one for all
		}
		return l.Lease(maxStale, append(own, file)...)
	}
	l.quiet = true // of secrets in files of their own there may be one for each tenant
	for _, tenant := range slices.Sorted(maps.Keys(s.KeyringFile.Content)) {
		place, secrets := at.At("keyring_file", tenant), tenantSecrets(s.KeyringFile.Content[tenant])
		checkSecrets(secrets, place, problems)
		ring.tenants[tenant] = loadSecrets(secrets, place, l, lease, allowWeak, problems)
		ring.keys += len(ring.tenants[tenant])
		if len(problems.List)-before >= maxRingFaults {
			break
		}
	}
	if len(problems.List) > before {
		return nil
	}
	return ring
}

func tenantSecrets(list []TenantSecretSettings) []SecretSettings {
	secrets := make([]SecretSettings, len(list))
	for i, s := range list {
		secrets[i] = SecretSettings{ID: s.ID, Value: s.Value, NotBefore: s.NotBefore, NotAfter: s.NotAfter}
	}
	return secrets
}
