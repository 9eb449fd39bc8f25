package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"postern/keys"
	"postern/policy"
)

// inclusion is a file that a setting names, and that holds its value.
type inclusion struct {
	at  policy.Path // of the setting
	doc *document
}

// include decodes the file that n names, with positions in that file.
func (d *decoder) include(n *yaml.Node, i included, at mark) {
	if !isValue(n) {
		d.mistyped(at, "the path of a file", n)
		return
	}
	into, file := i.Include(n.Value), n.Value
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(d.doc.file), file)
	}
	data, err := d.doc.files.Read(n.Value, file, maxFileBytes)
	if d.doc.secretless && errors.Is(err, fs.ErrNotExist) {
		switch into.(type) {
		case *keys.KeyringSettings, *[]keys.SecretSettings:
			return
		}
	}
	if err != nil {
		d.failf(at, "%v", err)
		return
	}
	doc, errs, ok := decodeParts(file, data, into)
	if !ok {
		if doc, errs = parseAny(file, data); doc != nil {
			errs = doc.decode(into)
		}
	}
	if doc != nil {
		d.doc.included = append(d.doc.included, inclusion{slices.Clone(d.path), doc})
	}
	d.doc.errs = append(d.doc.errs, errs...)
}

// holder returns the document that holds the setting at path, and the path of the
// setting in it.
func (d *document) holder(path policy.Path) (*document, policy.Path) {
	for _, i := range d.included {
		if n := len(i.at); len(path) > n && slices.Equal(path[:n], i.at) {
			return i.doc, path[n:]
		}
	}
	return d, path
}

// explains reports whether a problem only follows from a value that could not
// be decoded, which is reported already.
func (d *document) explains(p policy.Problem) bool {
	path := p.Path
	if key, _, missing := strings.Cut(p.Message, " is missing"); missing {
		path = path.At(key)
	}
	holder, inside := d.holder(path)
	return d.failedAt(path) || holder.failedAt(inside)
}

// failedAt reports whether the value at path, or one around it, could not be
// decoded.
func (d *document) failedAt(path policy.Path) bool {
	return slices.ContainsFunc(d.failed, func(failed policy.Path) bool {
		return len(failed) <= len(path) && slices.Equal(failed, path[:len(failed)])
	})
}

// locate gives a problem the position of the setting that it is about.
func (d *document) locate(p policy.Problem) Error {
	holder, path := d.holder(p.Path)
	message := path.String() + ": " + p.Message
	if p.Other != nil {
		line, _ := d.position(p.Other)
		message += fmt.Sprintf(" (%s, line %d)", p.Other, line)
	}
	line, column := holder.position(path)
	return Error{holder.file, line, column, message}
}
