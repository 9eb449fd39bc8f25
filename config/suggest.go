package config

import (
	"fmt"
	"strings"
)

// suggest returns `, did you mean "name"?` for the [closest] name, or "" where
// none is close.
func suggest(word string, names []string) string {
	if name := closest(word, names); name != "" {
		return fmt.Sprintf(", did you mean %q?", name)
	}
	return ""
}

// closest returns the name that is closest to word, the first of several, or ""
// where none is close.
func closest(word string, names []string) (name string) {
	// A third of the letters may be wrong; with more, a guess would mislead.
	least := max(1, len(word)/3) + 1
	for _, candidate := range names {
		if d := editDistance(strings.ToLower(word), strings.ToLower(candidate), least); d < least {
			name, least = candidate, d
		}
	}
	return name
}

// editDistance counts the bytes to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment). It does not look
// closer once the lengths alone differ by limit, and returns limit.
func editDistance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replace := row[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			next[j] = min(replace, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
