package config

import (
	"maps"
	"slices"

	"postern/policy"
)

// checkDenials reports what is wrong with the formats of denials.
func (c *Config) checkDenials(at policy.Path, problems *policy.Problems) {
	var reasons []string
	for _, reason := range policy.Reasons() {
		reasons = append(reasons, reason.String())
	}
	for name, format := range c.Denials {
		place := at.At(name)
		checkName(place, name, problems)
		format.Check(place, problems)
		for _, word := range format.Words() {
			if words := policy.DenialWords(); !slices.Contains(words, word) {
				problems.Addf(place.At("body"), "a denial has no {%s}%s", word, suggest(word, words))
			}
		}
		checkReasons(place.At("status"), format.Status, reasons, problems)
		checkReasons(place.At("codes"), format.Codes, reasons, problems)
	}
}

// checkReasons holds the keys of a mapping to the names of reasons.
func checkReasons[V any](at policy.Path, byReason map[string]V, reasons []string, problems *policy.Problems) {
	for _, name := range slices.Sorted(maps.Keys(byReason)) {
		if !slices.Contains(reasons, name) {
			problems.Addf(at.At(name), "%q is no reason%s", name, suggest(name, reasons))
		}
	}
}
