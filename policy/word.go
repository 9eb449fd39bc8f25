package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Mode says what a route does with a request that it would refuse.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Report  Mode = "report"
)

// UnmarshalText reads the mode from a configuration.
func (m *Mode) UnmarshalText(text []byte) error { return readWord(m, text, Enforce, Report) }

// BodyKind is what the bodies are that a route reads.
type BodyKind string

// The kinds of bodies.
const (
	JSONBody BodyKind = "json"
	FormBody BodyKind = "form"
)

// UnmarshalText reads the kind from a configuration.
func (k *BodyKind) UnmarshalText(text []byte) error { return readWord(k, text, JSONBody, FormBody) }

// Operator says how a rule compares.
type Operator string

// The operators: with the identity itself, and with each element of a list in it.
const (
	Equals Operator = "equal"
	In     Operator = "in"
)

// UnmarshalText reads the operator from a configuration.
func (o *Operator) UnmarshalText(text []byte) error { return readWord(o, text, Equals, In) }

// readWord reads one of the words that a setting can be.
func readWord[W ~string](word *W, text []byte, words ...W) error {
	if !slices.Contains(words, W(text)) {
		names := make([]string, len(words))
		for i, w := range words {
			names[i] = string(w)
		}
		return fmt.Errorf("%q: use %s", text, strings.Join(names, " or "))
	}
	*word = W(text)
	return nil
}
