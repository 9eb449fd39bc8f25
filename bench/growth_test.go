package main

import (
	"slices"
	"testing"
)

// Whatever part of the bench is asked for, all is measured that a figure of it needs.
func TestNeeded(t *testing.T) {
	w := new(world)
	var err error
	if w.signers, err = newSigners(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	list, err := w.bouts()
	if err != nil {
		t.Fatal(err)
	}
	cases, extra, err := w.growths()
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(list, extra)
	measures := func(measured []bout, name, proxy string) {
		t.Helper()
		if !slices.ContainsFunc(measured, func(b bout) bool { return b.name == name && slices.Contains(b.proxies, proxy) }) {
			t.Errorf("%s through %s is not measured", name, proxy)
		}
	}
	for _, b := range list {
		base := b.base()
		measures(needed(all, []bout{b}, nil), base.bout, base.proxy)
	}
	for _, g := range cases {
		measured := needed(all, nil, []growth{g})
		measures(measured, g.bout, g.proxy)
		measures(measured, g.smaller, g.usually)
	}
}
