package config

import (
	"path/filepath"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// ReadRevocations reads the list of revocations that a configuration names, and
// nothing else of it: what is revoked must not wait for a large file beside it,
// nor for a faulty one to be mended. The error is [Errors] where the list has
// faults.
func ReadRevocations(configuration string, s *authn.RevocationSettings) (*authn.RevocationList, error) {
	file := s.File.Path
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(configuration), file)
	}
	var none *keys.Files
	data, err := none.Read(s.File.Path, file, maxFileBytes)
	if err != nil {
		return nil, err
	}
	doc, errs := parseAny(file, data)
	if doc == nil {
		return nil, errs
	}
	read := &authn.RevocationSettings{}
	read.File.Path = s.File.Path
	if errs = doc.decode(&read.File.Content); len(errs) > 0 {
		return nil, errs
	}
	var problems policy.Problems
	read.Check(nil, &problems)
	for _, p := range problems.List {
		errs = append(errs, doc.locate(p))
	}
	if len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return authn.NewRevocationList(read.File.Content), nil
}
