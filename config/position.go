package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"postern/policy"
)

// Error is one fault of a configuration file.
type Error struct {
	File string
	// Line and Column count from 1; a column is a character, not a byte.
	Line, Column int
	// Message holds no value of a secret.
	Message string
}

// Error returns the fault as file:line:column: message.
func (e Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors is every fault of a configuration file.
type Errors []Error

// maxPrinted is how many faults are worth reading at once.
const maxPrinted = 100

// Error returns the faults by position, one on each line and each only once.
// Beyond a hundred it says only how many more there are.
func (e Errors) Error() string {
	sorted := e.Sorted()
	var b strings.Builder
	for i, err := range sorted {
		if i == maxPrinted {
			fmt.Fprintf(&b, "\n… and %d more", len(sorted)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Sorted returns the faults by position, each only once. It leaves e as it is.
func (e Errors) Sorted() Errors {
	sorted := slices.Clone(e)
	slices.SortFunc(sorted, func(a, b Error) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}

// mark is a position in a file; both numbers count from 1.
type mark struct{ line, column int }

// markOf returns where a value begins that is not the value of a key.
func markOf(n *yaml.Node) mark { return mark{n.Line, n.Column} }

// position returns where the setting at path stands: a value that is a scalar
// itself, else the key of a mapping, list or empty value, so that an editor
// jumps to the line that a reader would look for. Where the path goes deeper
// than the file, it is the position of the deepest step that the file has.
func (d *document) position(path policy.Path) (line, column int) {
	root := d.root
	if d.parts != nil {
		key, _ := path[0].(string)
		root = d.parts.hold(key)
	}
	n, at := root, markOf(root)
	for _, step := range path {
		n = resolve(n)
		switch step := step.(type) {
		case string:
			e, ok := find(n, step)
			if !ok {
				return at.line, at.column
			}
			n, at = e.value, e.mark()
		case int:
			// The only element of a policy.OneOrMore may stand without its list.
			if n.Kind != yaml.SequenceNode || step < 0 || step >= len(n.Content) {
				return at.line, at.column
			}
			n = n.Content[step]
			at = markOf(n)
		}
	}
	return at.line, at.column
}

// find returns the entry of a mapping that has a key.
func find(n *yaml.Node, key string) (entry, bool) {
	for e := range entries(n) {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}
