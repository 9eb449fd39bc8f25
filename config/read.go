package config

import (
	"postern/keys"
	"postern/policy"
)

// File is a YAML file beside a configuration, read as strictly as that. It knows
// where its settings stand.
type File struct{ doc *document }

// Checked is what a file is decoded into: a pointer to a struct with yaml tags, as
// the settings of a configuration are.
type Checked interface {
	// Check reports what is wrong with the values.
	Check(problems *policy.Problems)
}

// Read decodes a YAML file. The error is [Errors] where the file has faults, all of
// them.
func Read(file string, into Checked) (*File, error) {
	data, err := (*keys.Files)(nil).Read("", file, maxFileBytes)
	if err != nil {
		return nil, err
	}
	doc, errs := parseDocument(file, data)
	if doc == nil {
		return nil, errs
	}
	f := &File{doc}
	errs = doc.decode(into)
	var problems policy.Problems
	into.Check(&problems)
	for _, p := range problems.List {
		if !doc.explains(p) {
			errs = append(errs, doc.locate(p))
		}
	}
	if len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return f, nil
}

// Errors returns problems with their positions, nil for none.
func (f *File) Errors(problems policy.Problems) error {
	var errs Errors
	for _, p := range problems.List {
		errs = append(errs, f.doc.locate(p))
	}
	if len(errs) == 0 {
		return nil
	}
	return errs.Sorted()
}

// At returns a sentence about the setting at a path as an error of its position.
func (f *File) At(path policy.Path, message string) Error {
	line, column := f.doc.position(path)
	return Error{f.doc.file, line, column, message}
}
