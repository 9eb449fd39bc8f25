package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ClaimPath leads to a value inside a JSON object: identity.external_id,
// roles[0], items[*].id, ["https://example.com/roles"]; or inside a JSON list,
// which a body may be: [*].id.
type ClaimPath struct {
	text  string
	steps []step
}

// step is a member's name, or with isIndex an element's index, or all elements.
type step struct {
	key     string
	index   int
	isIndex bool
}

// allElements is the index of [*].
const allElements = -1

// ParseClaimPath reads a path into an object. A name that holds a dot, a slash, a
// bracket or a space stands quoted in brackets, so that no path has two meanings.
func ParseClaimPath(text string) (ClaimPath, error) {
	path, err := parsePath(text)
	if err == nil && path.steps[0].isIndex {
		return ClaimPath{}, fmt.Errorf("%q: starts with an index, but is looked up in an object", text)
	}
	return path, err
}

func parsePath(text string) (ClaimPath, error) {
	path := ClaimPath{text: text}
	for rest := text; rest != ""; {
		next, after, err := parseStep(rest, len(path.steps) == 0)
		if err != nil {
			return ClaimPath{}, fmt.Errorf("%q: %w", text, err)
		}
		path.steps, rest = append(path.steps, next), after
	}
	if len(path.steps) == 0 {
		return ClaimPath{}, errors.New("the path is empty")
	}
	return path, nil
}

func parseStep(text string, first bool) (s step, rest string, err error) {
	if text[0] == '[' {
		return parseBracket(text)
	}
	if !first {
		var dotted bool
		if text, dotted = strings.CutPrefix(text, "."); !dotted {
			return step{}, "", fmt.Errorf("wants a dot or a bracket before %q", text)
		}
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	if name == "" {
		return step{}, "", errors.New("holds an empty name")
	}
	if i := strings.IndexAny(name, "/]\"'{}* \t\r\n"); i >= 0 {
		return step{}, "", fmt.Errorf("a name with %q must be quoted, as [%q]", name[i], "the whole name")
	}
	return step{key: name}, text[end:], nil
}

func parseBracket(text string) (s step, rest string, err error) {
	if strings.HasPrefix(text, `["`) {
		quoted, err := strconv.QuotedPrefix(text[1:])
		if err != nil {
			return step{}, "", errors.New("holds a quoted name without its end")
		}
		key, err := strconv.Unquote(quoted)
		if err != nil || key == "" {
			return step{}, "", errors.New("holds a quoted name that cannot be read")
		}
		rest, closed := strings.CutPrefix(text[1+len(quoted):], "]")
		if !closed {
			return step{}, "", errors.New("wants ] after a quoted name")
		}
		return step{key: key}, rest, nil
	}
	inner, rest, closed := strings.Cut(text[1:], "]")
	if !closed {
		return step{}, "", errors.New("holds a [ without ]")
	}
	if inner == "*" {
		return step{index: allElements, isIndex: true}, rest, nil
	}
	index, err := strconv.ParseUint(inner, 10, 16)
	if err != nil {
		return step{}, "", fmt.Errorf("[%s] is no index: use [0], [*] or [\"name\"]", inner)
	}
	return step{index: int(index), isIndex: true}, rest, nil
}

// String returns the path as it was written.
func (p ClaimPath) String() string { return p.text }

// Member returns the name of the object's own member that the path leads to, ""
// where it leads elsewhere.
func (p ClaimPath) Member() string {
	if len(p.steps) != 1 {
		return ""
	}
	return p.steps[0].key // empty for an index
}

// leaf returns the name of the last member on the path, "" where it has none.
func (p ClaimPath) leaf() (name string) {
	for _, s := range p.steps {
		if !s.isIndex {
			name = s.key
		}
	}
	return name
}

// UnmarshalText reads the path from a configuration.
func (p *ClaimPath) UnmarshalText(text []byte) error {
	parsed, err := ParseClaimPath(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}

// Lookup returns the value that the path leads to. A path with [*] gives the
// list of all that it finds. A null counts as missing.
func (p ClaimPath) Lookup(object map[string]any) (any, bool) {
	value, ok := lookup(p.steps, object)
	return value, ok && value != nil
}

// Holds reports whether the path leads anywhere, be it to a null.
func (p ClaimPath) Holds(object map[string]any) bool {
	_, ok := lookup(p.steps, object)
	return ok
}

func lookup(steps []step, value any) (any, bool) {
	for i, s := range steps {
		if !s.isIndex {
			object, _ := value.(map[string]any)
			member, ok := object[s.key]
			if !ok {
				return nil, false
			}
			value = member
			continue
		}
		list, _ := value.([]any)
		if s.index == allElements {
			return lookupAll(steps[i+1:], list)
		}
		if s.index >= len(list) {
			return nil, false
		}
		value = list[s.index]
	}
	return value, true
}

func lookupAll(steps []step, list []any) (any, bool) {
	var found []any
	for _, element := range list {
		value, ok := lookup(steps, element)
		if !ok {
			continue
		}
		found = append(found, value)
	}
	if found == nil {
		return nil, false
	}
	return found, true
}
