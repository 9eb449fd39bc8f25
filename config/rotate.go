package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"postern/keys"
	"postern/policy"
)

// Rotation puts a new secret into a file that a configuration names, a list of
// secrets or static tokens or a key ring of such lists, and ends others for it.
type Rotation struct {
	// ID is that of the new secret; the day where it is empty.
	ID string
	// Tenant is whose list of a key ring it is, "" for a file with one list.
	Tenant string
	// Replaces are the ids of the secrets that end; nil for all that are in force.
	Replaces []string
	// End is when they end, unless they do so earlier by themselves.
	Now, End time.Time
	// Make returns a new secret in an encoding of the configuration, or in none
	// that it would be decoded from where that is empty.
	Make func(encoding string) string
}

// Rotated is what a [Rotation] did.
type Rotated struct {
	ID, Secret string
	// Ended are the secrets that end, with the moment; Waiting are the ids of those
	// that are not in force yet, and stay as they are.
	Ended   []keys.Listed
	Waiting []string
}

// Apply returns the content of a file after the rotation. Its order and its comments
// stay, though not every space. Its error is [Errors] where the file has faults, and else says
// what cannot be done with it.
func (r *Rotation) Apply(file string, data []byte) (changed []byte, done *Rotated, err error) {
	list, others, err := readSecrets(file, data, r.Tenant)
	if err != nil {
		return nil, nil, err
	}
	replaced, done, err := r.choose(list)
	if err != nil {
		return nil, nil, err
	}
	if len(replaced) == 0 && len(list) > 0 && !r.End.After(r.Now) {
		return nil, nil, errors.New("no secret is in force that could end at once: name the one to replace, or end none")
	}
	fresh := keys.SecretSettings{ID: done.ID}
	if len(replaced) > 0 {
		first := list[replaced[0]]
		fresh.Attributes, fresh.Value.Encoding = maps.Clone(first.Attributes), first.Value.Encoding
	}
	done.Secret = r.Make(fresh.Value.Encoding)
	switch {
	case len(replaced) > 0 && !slices.ContainsFunc(replaced, func(i int) bool { return list[i].Value.SHA256 == "" }):
		// Who keeps digests only does not want the secret in the file.
		digest := sha256.Sum256([]byte(done.Secret))
		fresh.Value = keys.Value{SHA256: hex.EncodeToString(digest[:])}
	case fresh.Value.Encoding == "":
		fresh.Value = keys.Value{Literal: policy.Secret(done.Secret)}
	default:
		fresh.Value.Plain = policy.Secret(done.Secret)
	}
	want := append([]keys.SecretSettings{fresh}, list...)
	for _, i := range replaced {
		s := &want[i+1]
		if s.NotAfter.IsZero() || s.NotAfter.After(r.End) {
			s.NotAfter = r.End
		}
		if !s.NotAfter.After(s.NotBefore) {
			return nil, nil, fmt.Errorf("%q begins at %s, and cannot end before: take it out by hand", s.ID, s.NotBefore.Format(time.RFC3339))
		}
		done.Ended = append(done.Ended, keys.Listed{ID: s.ID, NotAfter: s.NotAfter})
	}
	if changed, err = editSecrets(data, r.Tenant, list, want); err != nil {
		return nil, nil, err
	}
	got, after, err := readSecrets(file, changed, r.Tenant)
	switch {
	case err != nil || !reflect.DeepEqual(want, got):
		return nil, nil, errors.New("the file is written in a way that cannot be kept: add the secret by hand")
	case !reflect.DeepEqual(others, after):
		return nil, nil, errAliased // of an anchor in the list
	}
	return changed, done, nil
}

// readSecrets returns the list of a file, or of a tenant in it with those of the
// others.
func readSecrets(file string, data []byte, tenant string) (list []keys.SecretSettings, others map[string][]keys.SecretSettings, err error) {
	doc, errs := parseAny(file, data)
	if doc == nil {
		return nil, nil, errs
	}
	switch {
	case tenant == "" && doc.root.Kind == yaml.MappingNode:
		return nil, nil, fmt.Errorf("%s is a key ring: name the tenant", file)
	case tenant == "":
		errs = doc.decode(&list)
		return list, nil, orNil(errs)
	}
	if errs := doc.decode(&others); len(errs) > 0 {
		return nil, nil, errs
	}
	list, known := others[tenant]
	if !known {
		return nil, nil, fmt.Errorf("%s has no tenant %q%s", file, tenant, suggest(tenant, slices.Sorted(maps.Keys(others))))
	}
	delete(others, tenant)
	return list, others, nil
}

func orNil(errs Errors) error {
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// choose returns the indices of the secrets that end, and the id of the new one.
func (r *Rotation) choose(list []keys.SecretSettings) (replaced []int, done *Rotated, err error) {
	done = &Rotated{}
	taken := map[string]bool{}
	for i, s := range list {
		taken[s.ID] = true
		over := !s.NotAfter.IsZero() && !s.NotAfter.After(r.Now)
		switch named := slices.Contains(r.Replaces, s.ID); {
		case r.Replaces != nil && !named:
		case over && named:
			return nil, nil, fmt.Errorf("%q has ended already", s.ID)
		case over:
		case s.NotBefore.After(r.Now) && !named:
			done.Waiting = append(done.Waiting, s.ID)
		default:
			replaced = append(replaced, i)
		}
	}
	for _, id := range r.Replaces {
		if !taken[id] {
			return nil, nil, fmt.Errorf("there is no secret %q to replace%s", id, suggest(id, slices.Sorted(maps.Keys(taken))))
		}
	}
	for _, i := range replaced {
		first, s := list[replaced[0]], list[i]
		if !maps.Equal(first.Attributes, s.Attributes) || first.Value.Encoding != s.Value.Encoding {
			return nil, nil, fmt.Errorf("%q and %q differ in more than their values: name the one to replace", first.ID, s.ID)
		}
	}
	if taken[r.ID] {
		return nil, nil, fmt.Errorf("the id %q is taken", r.ID)
	}
	if done.ID = r.ID; done.ID == "" {
		day := r.Now.UTC().Format(time.DateOnly)
		done.ID = day
		for n := 2; taken[done.ID]; n++ {
			done.ID = fmt.Sprintf("%s.%d", day, n)
		}
	}
	return replaced, done, nil
}

// isJSON reports whether a file is to stay JSON.
func isJSON(data []byte) bool { return json.Valid(bytes.TrimSpace(data)) }
