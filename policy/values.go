package policy

import (
	"slices"
	"strings"
)

// Values are what the wildcards of the matched pattern stand for in one
// request. The zero value is empty; one can be used for many matches without
// allocating. It is not safe for concurrent use.
type Values struct {
	pattern *Pattern
	n       int       // of the segments that a look-up has pushed
	first   [8]string // from left to right, escaped until settle
	more    []string  // those that do not fit in first
}

// Get returns the value of a wildcard, percent-decoded once, and whether the
// matched pattern has a wildcard of this name.
func (v *Values) Get(name string) (string, bool) {
	if v.pattern == nil {
		return "", false
	}
	i := slices.Index(v.pattern.names, name)
	if i < 0 {
		return "", false
	}
	return *v.at(i), true
}

// Pattern returns the pattern that matched, nil where none did.
func (v *Values) Pattern() *Pattern { return v.pattern }

// Reset makes v empty and keeps its memory for the next match.
func (v *Values) Reset() {
	v.pattern, v.n = nil, 0
}

func (v *Values) at(i int) *string {
	if i < len(v.first) {
		return &v.first[i]
	}
	return &v.more[i-len(v.first)]
}

func (v *Values) push(segment string) {
	if v.n < len(v.first) {
		v.first[v.n] = segment
	} else {
		v.more = append(v.more[:v.n-len(v.first)], segment)
	}
	v.n++
}

func (v *Values) pop() { v.n-- }

// settle ends a match: the pushed segments are the wildcards of p, and the
// unnamed rest of a trailing slash.
func (v *Values) settle(p *Pattern) {
	v.pattern = p
	for i := range p.names {
		if s := v.at(i); strings.IndexByte(*s, '%') >= 0 {
			*s = string(appendUnescaped(nil, *s))
		}
	}
}
