package policy

import (
	"fmt"
	"strings"
)

// OneOrMore is a list that may be written as its only element.
type OneOrMore[T any] []T

// ScalarAsOne marks the type for the configuration decoder.
func (OneOrMore[T]) ScalarAsOne() {}

// Included is a setting whose value stands in a YAML or JSON file of its own.
type Included[T any] struct {
	// Path is that of the file, "" where the setting is not written.
	Path string
	// Content is what the file holds.
	Content T
}

// Include takes the path of the file and returns where its content belongs, for
// the configuration decoder.
func (i *Included[T]) Include(path string) (content any) {
	i.Path = path
	return &i.Content
}

// Path is where a setting stands: keys (string) and list indices (int) from
// the top of the file.
type Path []any

// At returns the path of a setting below this one.
func (p Path) At(steps ...any) Path {
	return append(p[:len(p):len(p)], steps...)
}

// String renders the path as authenticators.web.algorithms[0].
func (p Path) String() string {
	var b strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, step)
		}
	}
	return b.String()
}

// Problem is one fault of a configuration.
type Problem struct {
	Path    Path
	Message string
	// Other is a second setting that the fault involves; nil mostly.
	Other Path
}

// Problems collects faults, so that all of them can be reported at once. The
// zero value is ready; it is not safe for concurrent use.
type Problems struct {
	List []Problem
}

// Addf records a fault of the setting at path.
func (p *Problems) Addf(path Path, format string, operands ...any) {
	p.List = append(p.List, Problem{Path: path, Message: fmt.Sprintf(format, operands...)})
}
