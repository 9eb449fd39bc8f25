package config

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"postern/policy"
)

// meant notes that an unknown key of a mapping, n, was probably meant to be another
// one, so that this one is not reported as missing, too.
func (d *decoder) meant(n *yaml.Node, key string) {
	if _, written := find(n, key); key != "" && !written && len(d.doc.failed) < maxErrors {
		d.doc.failed = append(d.doc.failed, d.path.At(key))
	}
}

// undecoded returns the place of every value that could not be decoded, those of
// included files too.
func (d *document) undecoded() []policy.Path {
	all := slices.Clone(d.failed)
	for _, i := range d.included {
		for _, inside := range i.doc.undecoded() {
			all = append(all, i.at.At(inside...))
		}
	}
	return all
}

// undecodedBelow reports whether a setting, or a part of it, could not be decoded.
// What it lacks is then no fault of its own.
func (c *Config) undecodedBelow(at policy.Path) bool {
	return slices.ContainsFunc(c.undecoded, func(place policy.Path) bool {
		return len(place) >= len(at) && slices.Equal(place[:len(at)], at)
	})
}
